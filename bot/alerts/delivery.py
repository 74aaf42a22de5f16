"""Delivers alerts to the webhook: signed, in order, at least once, and without delaying a command.

The format is that of Standard Webhooks (https://www.standardwebhooks.com): a body of ``type``, ``timestamp`` and ``data``, and the
headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, which is the HMAC-SHA256, keyed with ALERT_WEBHOOK_SECRET,
of ``<id>.<epoch seconds>.<body>``. The body also has ``text``, which Slack's incoming webhooks understand.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import requests

from bot.alerts import outbox
from bot.alerts.messages import MEANINGS, Meaning, Severity, sentence, with_link
from bot.models import AlertKind, BotAlert
from bot.runtime.timeout import run_with_timeout
from bot.settings.alert_settings import AlertWebhook
from bot.settings.settings import Settings
from bot.storage.database import Database

#: Time between checks for alerts to deliver, in seconds.
LOOK_SEC = 1.0
#: How long a web process leaves an alert for a worker to deliver.
LEFT_TO_A_WORKER = timedelta(seconds=5)
CONNECT_TIMEOUT_SEC = 3.0
READ_TIMEOUT_SEC = 5.0
#: A request ends within this time, in seconds, even if the receiver keeps sending single bytes.
WALL_SEC = 10.0
#: A delivery starts no further request after this time; outbox.LEASE is longer than both limits together.
DELIVERY_SEC = 25.0
#: Time between searches for alerts that are too old, in seconds.
TIDY_SEC = 60.0
#: The most alerts that ``text`` lists.
SPELLED_OUT = 10
#: The only type of message.
TYPE = "pitboss.alerts"
#: Prefix of a secret in Base64, by Standard Webhooks.
SECRET_PREFIX = "whsec_"  # noqa: S105 - it is not a secret

#: Statuses by which a receiver rejects the body: perhaps because of only one of several alerts.
_ABOUT_THE_BODY = frozenset({400, 413, 422})
_EMOJI = {Severity.CRITICAL: ":red_circle:", Severity.WARNING: ":large_orange_circle:"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """The result of one request. ``error`` never contains the address: a Slack webhook's path is a secret."""

    error: str | None = None
    about_the_body: bool = False
    wait_sec: float = 0.0


class AlertDelivery:
    """Delivers alerts from the outbox to the webhook. One thread of a process calls ``run`` repeatedly."""

    def __init__(self, database: Database, settings: Settings, *, patience: timedelta = timedelta(0)) -> None:
        """*patience* is how long alerts are left for another process to deliver."""
        self._database = database
        self._webhook = settings.alert_webhook
        self._public_url = settings.public_url
        self._patience = patience
        self._tidied_at = float("-inf")
        self._works = True

    def run(self) -> int:
        """Deliver what is due. Returns how many alerts the receiver accepted.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        self._tidy()
        if self._webhook is None:
            return 0
        patience = self._patience
        if not self._database.read(lambda session: outbox.is_due(session, patience=patience)):
            return 0
        alerts = self._database.run(lambda session: outbox.claim(session, patience=patience))
        return self._deliver(self._webhook, alerts) if alerts else 0

    def send_past_the_outbox(self, kind: AlertKind, facts: dict[str, Any]) -> bool:
        """Send an alert without the outbox. Returns whether the receiver accepted it; also true without a receiver."""
        alert = BotAlert(id=uuid4(), kind=kind, facts=facts, created_at=datetime.now(UTC))
        return self._webhook is None or self._send(self._webhook, [alert]).error is None

    def _deliver(self, webhook: AlertWebhook, alerts: Sequence[BotAlert]) -> int:
        began = time.monotonic()
        answer = self._send(webhook, alerts)
        if not answer.about_the_body or len(alerts) == 1:
            return self._note(alerts, answer)
        # rejected together: the text of one alert must not prevent the delivery of the others
        taken = 0
        for alert in alerts:
            if answer.error is None or answer.about_the_body:
                late = time.monotonic() - began > DELIVERY_SEC
                answer = (
                    Answer("There was no time left to send it.") if late else self._send(webhook, [alert])
                )
            taken += self._note([alert], answer)
        return taken

    def _note(self, alerts: Sequence[BotAlert], answer: Answer) -> int:
        ids = [alert.id for alert in alerts]
        error = answer.error
        if error is None:
            self._database.run(lambda session: outbox.delivered(session, ids))
            if not self._works:
                log.info("alerts are delivered again")
            self._works = True
            return len(alerts)
        self._database.run(lambda session: outbox.failed(session, alerts, error, wait_sec=answer.wait_sec))
        if self._works:
            log.warning("alerts cannot be delivered, and are tried again for a day: %s", error)
        self._works = False
        return 0

    def _tidy(self) -> None:
        if time.monotonic() - self._tidied_at < TIDY_SEC:
            return
        why = "ALERT_WEBHOOK_URL was not set." if self._webhook is None else "It was never tried."
        given_up = self._database.run(lambda session: outbox.tidy(session, why))
        self._tidied_at = time.monotonic()
        if given_up and self._webhook is not None:
            log.error("%s alert(s) could not be delivered for a day and are given up", given_up)

    def _send(self, webhook: AlertWebhook, alerts: Sequence[BotAlert]) -> Answer:
        body = json.dumps(message(alerts, self._public_url), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "pitboss",
            **signed(webhook.secret.get_secret_value(), message_id(alerts), int(time.time()), body),
        }
        try:
            return run_with_timeout(WALL_SEC, lambda: _post(webhook.url.get_secret_value(), body, headers))
        except TimeoutError:
            return Answer(f"The receiver did not answer within {WALL_SEC:.0f} s.")


def message(alerts: Sequence[BotAlert], public_url: str | None = None) -> dict[str, Any]:
    """The body: one line of ``text`` for each alert, and the alerts themselves. What asks for something links to *public_url*."""
    for alert in alerts:
        alert.facts = dict(with_link(alert.kind, alert.facts, public_url))
    lines = [_line(alert) for alert in alerts[:SPELLED_OUT]]
    if len(alerts) > SPELLED_OUT:
        lines.append(f"… and {len(alerts) - SPELLED_OUT} more")
    return {
        "type": TYPE,
        "timestamp": alerts[-1].created_at.isoformat(),
        "data": {"alerts": [_as_json(alert) for alert in alerts]},
        "text": "\n".join(lines),
    }


def message_id(alerts: Sequence[BotAlert]) -> str:
    """The message's id: the same for each attempt to deliver the same alerts."""
    return f"msg_{hashlib.sha256(''.join(str(alert.id) for alert in alerts).encode()).hexdigest()[:32]}"


def signed(secret: str, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of *body* sent at *at*, in epoch seconds. A receiver rejects a message that is minutes old."""
    key = (
        base64.b64decode(secret[len(SECRET_PREFIX) :])
        if secret.startswith(SECRET_PREFIX)
        else secret.encode()
    )
    digest = hmac.new(key, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    try:
        # a redirect is not followed: it would show the alert to an address that nobody set
        with requests.post(
            url,
            data=body,
            headers=headers,
            timeout=(CONNECT_TIMEOUT_SEC, READ_TIMEOUT_SEC),
            allow_redirects=False,
            stream=True,
        ) as response:
            status = response.status_code
            retry_after = response.headers.get("Retry-After", "")
    except requests.Timeout:
        return Answer("The receiver did not answer in time.")
    except requests.RequestException as error:
        return Answer(f"The receiver could not be reached ({type(error).__name__}).")
    if 200 <= status < 300:
        return Answer()
    return Answer(
        f"The receiver answered {status}.",
        about_the_body=status in _ABOUT_THE_BODY,
        wait_sec=float(retry_after) if retry_after.isdigit() and len(retry_after) < 6 else 0.0,
    )


def _line(alert: BotAlert) -> str:
    """The line of one alert, escaped for Slack, which would obey ``<!channel>`` and the like."""
    told = sentence(alert.kind, alert.facts).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    emoji = _EMOJI.get(_meaning(alert).severity, ":large_green_circle:")
    return f"{emoji} {told} ({alert.created_at:%H:%M:%S} UTC)"


def _as_json(alert: BotAlert) -> dict[str, Any]:
    meaning = _meaning(alert)
    return {
        "id": str(alert.id),
        "kind": alert.kind,
        "severity": meaning.severity,
        "resolves": list(meaning.resolves),
        "at": alert.created_at.isoformat(),
        "text": sentence(alert.kind, alert.facts),
        "facts": alert.facts,
    }


def _meaning(alert: BotAlert) -> Meaning:
    return MEANINGS.get(alert.kind, Meaning(Severity.WARNING))
