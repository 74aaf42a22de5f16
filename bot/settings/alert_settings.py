"""The settings of alerts: where they are sent, how they are signed, and which ones are sent."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import time
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from bot.settings.addresses import http_url, is_near
from bot.settings.types import readable_by

_ALERT_URL = re.compile(r"(?:(?P<least>critical|warning|info)=)?(?P<url>[a-z][a-z0-9]{1,20}://\S+)")
_OFF = "off"


class AlertWebhook(BaseModel):
    """Where alerts are sent, and the secret that signs them. The address itself may be a secret, as Slack's is."""

    model_config = ConfigDict(frozen=True)

    url: SecretStr
    secret: SecretStr


class AlertAddress(BaseModel):
    """One address of ALERT_URLS, and which alerts it is sent."""

    model_config = ConfigDict(frozen=True)

    url: SecretStr
    #: The lowest severity that it is sent: ``info``, ``warning`` or ``critical``.
    least: str
    #: Its position in the list, counted from 1.
    place: int

    @property
    def scheme(self) -> str:
        """The service's name, as in the address."""
        return self.url.get_secret_value().partition("://")[0]

    @property
    def name(self) -> str:
        """A name that distinguishes it from the others and shows no secret."""
        return f"{self.scheme}-{sha256(self.url.get_secret_value().encode()).hexdigest()[:8]}"


def _webhook_url(value: SecretStr) -> SecretStr:
    """The address that alerts are sent to.

    Raises:
        ValueError: it is not an http or https address, or it has a user, a password or a fragment.
    """
    url = http_url(value.get_secret_value())
    parts = urlsplit(url)
    if parts.username or parts.password or parts.fragment:
        raise ValueError(
            "must have neither a user, nor a password, nor a #fragment: the signature says who sends"
        )
    if parts.scheme == "http" and not is_near(parts.hostname or ""):
        raise ValueError("must be an https:// address: http:// is only for receivers on the same network")
    return SecretStr(url)


def _webhook_secret(value: SecretStr) -> SecretStr:
    """What signs alerts: any text, or as Standard Webhooks writes it, ``whsec_`` and Base64.

    Raises:
        ValueError: it begins with ``whsec_`` and the rest is not Base64.
    """
    text = value.get_secret_value()
    if text.startswith("whsec_"):
        try:
            b64decode(text.removeprefix("whsec_"), validate=True)
        except ValueError:
            raise ValueError("begins with whsec_, but the rest is not Base64") from None
    return value


def _parse_alert_urls(value: SecretStr) -> tuple[AlertAddress, ...]:
    """The addresses of ALERT_URLS, separated by spaces or line breaks. ``critical=`` or ``warning=`` before an address limits what
    it is sent.

    Raises:
        ValueError: an entry is not an address.
    """
    found = []
    for place, entry in enumerate(value.get_secret_value().split(), 1):
        match = _ALERT_URL.fullmatch(entry)
        if match is None:
            raise ValueError(
                f"entry {place} is not an address such as tgram://…, with critical=, warning= or nothing before it"
            )
        found.append(AlertAddress(url=SecretStr(match["url"]), least=match["least"] or "info", place=place))
    return tuple(found)


def _time_of_day(value: str) -> str:
    """A time as in 17:00, or "off".

    Raises:
        ValueError: it is neither.
    """
    try:
        is_time = value == _OFF or time.fromisoformat(value).tzinfo is None
    except ValueError:
        is_time = False
    if not is_time:
        raise ValueError("must be a time such as 17:00, or off")
    return value


class AlertSettings(BaseSettings):
    """Which alerts are sent, and to whom."""

    #: Where alerts are sent; see bot.alerts.delivery.
    alert_webhook_url: Annotated[SecretStr, AfterValidator(_webhook_url)] | None = None
    alert_webhook_secret: (
        Annotated[SecretStr, Field(min_length=16), AfterValidator(_webhook_secret)] | None
    ) = None
    #: Further addresses, in the form of Apprise; see bot.alerts.destinations.
    alert_urls: Annotated[SecretStr, AfterValidator(readable_by(_parse_alert_urls))] | None = None
    #: Whether entries and exits are sent, too.
    alert_trades: bool = False
    #: Minutes that a running bot's gate may be closed in market hours before an alert is sent.
    alert_gate_closed_min: Annotated[int, Field(ge=1, le=1440)] = 5
    #: When the head of the log is sent each day, in New York; "off" for never.
    alert_daily_at: Annotated[str, AfterValidator(_time_of_day)] = "17:00"

    @model_validator(mode="after")
    def _alerts_are_signed(self) -> Self:
        if (self.alert_webhook_url is None) is not (self.alert_webhook_secret is None):
            there, missing = "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET"
            if self.alert_webhook_url is None:
                there, missing = missing, there
            raise ValueError(f"{there} is set without {missing}: set both or neither")
        return self

    @property
    def daily_at(self) -> time | None:
        """When the head of the log is sent; None for never."""
        return None if self.alert_daily_at == _OFF else time.fromisoformat(self.alert_daily_at)

    @property
    def alert_webhook(self) -> AlertWebhook | None:
        """Where alerts are sent; None if it is not set."""
        if self.alert_webhook_url is None or self.alert_webhook_secret is None:
            return None
        return AlertWebhook(url=self.alert_webhook_url, secret=self.alert_webhook_secret)

    @cached_property
    def alert_addresses(self) -> tuple[AlertAddress, ...]:
        """Where alerts are sent beside the webhook."""
        return _parse_alert_urls(self.alert_urls) if self.alert_urls else ()
