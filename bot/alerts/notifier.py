"""The one place that uses Apprise, which supports Telegram, Discord, mail, Pushover and a hundred other services.

It is imported with the first address: a process that delivers nothing need not load it.
"""

from __future__ import annotations

import io
import logging
import re
from typing import TYPE_CHECKING, Any

from bot.errors import SettingsError
from bot.settings.alert_settings import AlertAddress

if TYPE_CHECKING:
    from bot.alerts.messages import Severity

#: Finds the service's answer in the line that Apprise logs; the rest of that line may contain a secret.
_ANSWERED = re.compile(r"\berror=(\d{3})\b")

_log = logging.getLogger("apprise")
_log.addHandler(logging.NullHandler())
_log.propagate = False  # its lines name addresses


class Notifier:
    """Sends messages to one address."""

    def __init__(self, address: AlertAddress) -> None:
        """
        Raises:
            SettingsError: Apprise does not know such an address.
        """
        import apprise

        asset = apprise.AppriseAsset(
            app_id="Pitboss",
            app_desc="Pitboss",
            app_url="",
            storage_mode=apprise.PersistentStoreMode.MEMORY,
            async_mode=False,
        )
        # a redirect would show the alert to an address that nobody set
        asset.http_redirects = False
        found = apprise.Apprise.instantiate(address.url.get_secret_value(), asset=asset)
        if found is None:
            raise SettingsError(
                f"ALERT_URLS is wrong: entry {address.place} ({address.scheme}://…) is not an address that Apprise"
                " knows: see https://github.com/caronc/apprise/wiki for the form of each service's."
            )
        self._service: Any = found
        self._apprise = apprise

    def send(self, title: str, text: str, severity: Severity, *, is_over: bool) -> str | None:
        """Send one message. Returns None if the service accepted it, else a sentence without secrets that says why not."""
        kinds = self._apprise.NotifyType
        kind = {"critical": kinds.FAILURE, "warning": kinds.WARNING}.get(severity, kinds.INFO)
        written = io.StringIO()
        listener = logging.StreamHandler(written)
        _log.addHandler(listener)
        try:
            was_taken = self._service.notify(
                body=text,
                title=title,
                notify_type=kinds.SUCCESS if is_over else kind,
                body_format=self._apprise.NotifyFormat.TEXT,
            )
        except Exception as error:  # noqa: BLE001 - a hundred services, each with its own
            return f"The service failed with a {type(error).__name__}."
        finally:
            _log.removeHandler(listener)
        if was_taken:
            return None
        answered = _ANSWERED.findall(written.getvalue())
        return (
            f"The service answered {answered[-1]}."
            if answered
            else "The service did not take it, or was not reached."
        )
