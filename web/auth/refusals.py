"""Says when somebody was not let in, or asked for what they may not do: a log line, a metric, and for the serious ones an alert."""

from __future__ import annotations

import logging
from enum import StrEnum

from prometheus_client import Counter
from sqlalchemy.orm import Session

from bot.access import alerts
from bot.models import AlertKind
from web.auth.directory import Directory
from web.monitoring.request_metrics import REGISTRY

log = logging.getLogger(__name__)


class Refusal(StrEnum):
    """Why."""

    WRONG_TOKEN = "wrong_token"  # noqa: S105 - a word
    LOCKED_OUT = "locked_out"  # too many wrong ones came from that address
    FORBIDDEN = "forbidden"  # a right token, and not its right
    FORGED = "csrf"  # a session without its CSRF token
    ENDED = "ended_session"  # a session that was ended, ran out, or lay idle


_REFUSED = Counter(
    "pitboss_access_refused", "Requests that were refused, by why.", ["reason"], registry=REGISTRY
)


class Refusals:
    """All refusals of one process."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def start(self) -> None:
        """Let every counter begin with zero: one that begins with its first event hides that from ``rate()``."""
        for reason in Refusal:
            _REFUSED.labels(reason)

    def wrong_token(self, address: str, path: str, *, is_last: bool) -> None:
        """A wrong token came from *address*; *is_last* says that the next one finds it locked out."""
        _REFUSED.labels(Refusal.WRONG_TOKEN).inc()
        _say("refused a wrong token", Refusal.WRONG_TOKEN, address, path)
        if is_last:
            _say("too many wrong tokens: the address has to wait", Refusal.LOCKED_OUT, address, path)
            self._tell(AlertKind.LOCKED_OUT, address=address)

    def locked_out(self) -> None:
        """An address that has to wait did not wait. It has its line in the log: more would be a way to fill a disk."""
        _REFUSED.labels(Refusal.LOCKED_OUT).inc()

    def forbidden(self, actor: str, what: str, address: str, path: str) -> None:
        """*actor* asked for *what*, which is not theirs."""
        _REFUSED.labels(Refusal.FORBIDDEN).inc()
        _say(f"{actor} may not {what}", Refusal.FORBIDDEN, address, path, actor)
        self._tell(AlertKind.RIGHT_REFUSED, actor=actor, what=what, address=address)

    def forged(self, address: str, path: str) -> None:
        """A request carried a session, and not its CSRF token."""
        _REFUSED.labels(Refusal.FORGED).inc()
        _say("refused a request that did not come from a page of its session", Refusal.FORGED, address, path)

    def ended_session(self, actor: str, address: str, path: str) -> None:
        """A session was shown that has ended."""
        _REFUSED.labels(Refusal.ENDED).inc()
        _say("refused a session that has ended", Refusal.ENDED, address, path, actor)

    def _tell(self, kind: AlertKind, **facts: object) -> None:
        def tell(session: Session) -> None:
            alerts.tell_once(session, kind, facts)

        self._directory.later(tell)


def _say(text: str, reason: Refusal, address: str, path: str, actor: str | None = None) -> None:
    log.warning("%s", text, extra={"error_code": reason, "address": address, "path": path, "actor": actor})
