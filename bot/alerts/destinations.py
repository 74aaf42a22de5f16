"""Delivers to each address of ALERT_URLS the alerts that it is set to receive: independently of the others, at least once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from bot.alerts import destination_queue, outbox
from bot.alerts.messages import MEANINGS, Meaning, Severity, sentence, with_link
from bot.alerts.notifier import Notifier
from bot.models import AlertKind, BotAlert
from bot.runtime.timeout import run_with_timeout
from bot.settings.alert_settings import AlertAddress
from bot.settings.settings import Settings
from bot.storage.database import Database

#: Time between checks for alerts to deliver, in seconds.
LOOK_SEC = 2.0
#: Sending one message ends within this time; destination_queue.LEASE is longer.
WALL_SEC = 30.0

_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}

log = logging.getLogger(__name__)


class DestinationDelivery:
    """Delivers alerts to one address. One thread of a process calls ``run`` repeatedly."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        address: AlertAddress,
        *,
        patience: timedelta = timedelta(0),
    ) -> None:
        """*patience* is how long alerts are left for another process to deliver."""
        self._database = database
        self._address = address
        self._public_url = settings.public_url
        self._unwanted = unwanted(Severity(address.least), with_trades=settings.alert_trades)
        self._patience = patience
        self._is_only_way = settings.alert_webhook is None
        self._notifier: Notifier | None = None
        self._works = True

    def run(self) -> int:
        """Deliver what is due. Returns how many alerts were accepted.

        Raises:
            SettingsError: Apprise does not know the address.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        name, unwanted, patience = self._address.name, self._unwanted, self._patience
        if self._notifier is None:
            notifier = Notifier(self._address)
            self._database.run(lambda session: destination_queue.register(session, name))
            self._notifier = notifier  # with a Postgres that was away it is registered the next time
        if not self._database.read(
            lambda session: destination_queue.is_due(session, name, unwanted, patience=patience)
        ):
            return 0
        alerts = self._database.run(
            lambda session: destination_queue.claim(session, name, unwanted, patience=patience)
        )
        return self._deliver(self._notifier, alerts) if alerts else 0

    def send_past_the_outbox(self, kind: AlertKind, facts: dict[str, Any]) -> bool:
        """Send what the outbox has no room for; whether the service took it, or is not to be told."""
        if kind in self._unwanted:
            return True
        alert = BotAlert(id=uuid4(), kind=kind, facts=facts, created_at=datetime.now(UTC))
        return self._send(Notifier(self._address), [alert]) is None

    def _deliver(self, notifier: Notifier, alerts: Sequence[BotAlert]) -> int:
        name = self._address.name
        error = self._send(notifier, alerts)
        if error is not None:
            reason = error
            self._database.run(lambda session: destination_queue.failed(session, name, reason))
            if self._works:
                log.warning(
                    "alerts to %s cannot be delivered, and are tried again for a day: %s", name, error
                )
            self._works = False
            return 0

        def note(session: Session) -> None:
            destination_queue.taken(session, name, alerts)
            if self._is_only_way:
                outbox.delivered(session, [alert.id for alert in alerts])

        self._database.run(note)
        if not self._works:
            log.info("alerts to %s are delivered again", name)
        self._works = True
        return len(alerts)

    def _send(self, notifier: Notifier, alerts: Sequence[BotAlert]) -> str | None:
        """Send one message. None when it was taken; else why not."""
        meanings = [meaning_of(alert) for alert in alerts]
        worst = max((meaning.severity for meaning in meanings), key=_RANK.__getitem__)
        is_over = worst is Severity.INFO and any(meaning.resolves for meaning in meanings)
        body = text(alerts, self._public_url)
        try:
            return run_with_timeout(
                WALL_SEC, lambda: notifier.send(title(alerts), body, worst, is_over=is_over)
            )
        except TimeoutError:
            return f"The service did not answer within {WALL_SEC:.0f} s."


def check(settings: Settings) -> None:
    """Check every address of ALERT_URLS.

    Raises:
        SettingsError: Apprise does not know one of them.
    """
    for address in settings.alert_addresses:
        Notifier(address)


def unwanted(least: Severity, *, with_trades: bool) -> frozenset[AlertKind]:
    """The kinds of alerts below the severity *least*; the end of a condition counts with the condition itself."""
    wanted = set()
    for kind, meaning in MEANINGS.items():
        told = [meaning, *(MEANINGS[each] for each in meaning.resolves)]
        if any(_RANK[each.severity] >= _RANK[least] for each in told) or kind is AlertKind.TEST:
            wanted.add(kind)
    if not with_trades:
        wanted -= {AlertKind.TRADE_ENTERED, AlertKind.TRADE_CLOSED}
    return frozenset(MEANINGS) - wanted


def title(alerts: Sequence[BotAlert]) -> str:
    """The message's title."""
    if len(alerts) > 1:
        return f"Pitboss: {len(alerts)} alerts"
    return f"Pitboss: {alerts[0].kind.replace('_', ' ')}"


def text(alerts: Sequence[BotAlert], public_url: str | None = None) -> str:
    """A line for each of them; what asks for something links to *public_url*. Angle brackets are markup to some services, which
    show it, obey it or refuse the message."""
    told = [sentence(each.kind, with_link(each.kind, each.facts, public_url)) for each in alerts]
    lines = [f"{line} ({each.created_at:%H:%M:%S} UTC)" for line, each in zip(told, alerts, strict=True)]
    return "\n".join(lines).replace("<", "‹").replace(">", "›")


def meaning_of(alert: BotAlert) -> Meaning:
    """The meaning of *alert*; a kind that only a newer release knows counts as a warning."""
    return MEANINGS.get(alert.kind, Meaning(Severity.WARNING))
