"""The commands of an operator. Each call returns when the command was applied, and raises if it was not."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar, cast
from uuid import UUID

from client import errors
from client.errors import NotFound, StillPending, Unavailable
from client.models import (
    Acknowledged,
    Action,
    Alert,
    Command,
    ConfigAction,
    KillAction,
    ReconcileAction,
    TestAlert,
)
from client.transport import Http
from client.values import plain, written
from client.words import PENDING, CommandStatus, Mode, SettleAction

#: How long Pitboss is asked to keep an answer open for the outcome.
ASK_SEC = 5.0
#: The longest total wait for the outcome: longer than any command that expires can be pending.
OUTCOME_SEC = 60.0
#: Waits between two requests for a command, from the first to the last.
FIRST_LOOK_SEC, LAST_LOOK_SEC = 0.1, 1.0
#: The most alerts that are acknowledged with one request.
MOST_ALERTS = 200

A = TypeVar("A", bound=Action)
Number = Decimal | int | float | str


class Commands:
    """Commands.

    Every one takes a ``reason``, which is kept in the log, and ``key``: the same key is the same command, however often it is
    sent. Each call makes one of its own, under which it sends until it is heard. ``wait=False`` returns at once, perhaps with the
    status ``queued``; ``wait`` is for it later.
    """

    _http: Http

    def start(self, *, reason: str | None = None, wait: bool = True, key: str | None = None) -> Action:
        """Start the stopped bot."""
        return self._do(Action, "/start", {"reason": reason}, wait, key)

    def pause(self, *, reason: str | None = None, wait: bool = True, key: str | None = None) -> Action:
        """No new positions; open ones are still watched."""
        return self._do(Action, "/pause", {"reason": reason}, wait, key)

    def resume(self, *, reason: str | None = None, wait: bool = True, key: str | None = None) -> Action:
        """Resume the paused bot."""
        return self._do(Action, "/resume", {"reason": reason}, wait, key)

    def stop(
        self, *, reason: str | None = None, flatten: bool = False, wait: bool = True, key: str | None = None
    ) -> Action:
        """Nothing at all happens any more; with *flatten*, every position is closed."""
        return self._do(Action, "/stop", {"reason": reason, "flatten": flatten or None}, wait, key)

    def kill(self, *, reason: str | None = None, flatten: bool = False, key: str | None = None) -> KillAction:
        """Stop, disable and latch until ``rearm``. Its answer names what stays open."""
        return self._do(KillAction, "/kill", {"reason": reason, "flatten": flatten or None}, True, key)

    def rearm(self, *, reason: str | None = None, wait: bool = True, key: str | None = None) -> Action:
        """Take the kill latch off; the bot stays stopped."""
        return self._do(Action, "/rearm", {"reason": reason}, wait, key)

    def reconcile(
        self, *, reason: str | None = None, wait: bool = True, key: str | None = None
    ) -> ReconcileAction:
        """Compare the books with the broker now."""
        return self._do(ReconcileAction, "/reconcile", {"reason": reason}, wait, key)

    def set_mode(
        self, mode: Mode | str, *, reason: str | None = None, wait: bool = True, key: str | None = None
    ) -> Action:
        """Switch between the paper and the live account."""
        return self._do(Action, "/mode", {"mode": str(mode), "reason": reason}, wait, key, method="PATCH")

    def update_config(
        self, *, reason: str | None = None, wait: bool = True, key: str | None = None, **thresholds: Any
    ) -> ConfigAction:
        """Change thresholds, all or nothing: ``bot.update_config(max_concurrent_positions=4)``."""
        changes = {_camel(name): _number(value) for name, value in thresholds.items()}
        return self._do(ConfigAction, "/config", {**changes, "reason": reason}, wait, key, method="PATCH")

    def flatten(
        self,
        symbol: str | None = None,
        *,
        reason: str | None = None,
        wait: bool = True,
        key: str | None = None,
    ) -> Action:
        """Cancel every order and close every position, or those of one *symbol*. ``flatten_progress`` says how far it is."""
        return self._do(Action, "/flatten", {"symbol": symbol, "reason": reason}, wait, key)

    def cancel_flatten(
        self, *, reason: str | None = None, wait: bool = True, key: str | None = None
    ) -> Action:
        """End the flatten that is at work."""
        return self._do(Action, "/flatten", {"cancel": True, "reason": reason}, wait, key)

    def settle(
        self,
        action: SettleAction | str,
        *,
        reason: str,
        symbol: str | None = None,
        trade: UUID | str | None = None,
        shares: Number | None = None,
        entry_price: Number | None = None,
        exit_price: Number | None = None,
        exit_at: datetime | str | None = None,
        wait: bool = True,
        key: str | None = None,
    ) -> Action:
        """Settle one difference (*symbol*), or one *trade*. It needs a reason."""
        body = {
            "action": str(action),
            "symbol": symbol,
            "tradeId": None if trade is None else str(trade),
            "shares": plain(shares),
            "entryPrice": plain(entry_price),
            "exitPrice": plain(exit_price),
            "exitAt": written(exit_at),
            "reason": reason,
        }
        return self._do(Action, "/settlements", body, wait, key)

    def test_alert(self) -> TestAlert:
        """Send a test alert to every destination; ``alert_destinations`` tells whether it arrived."""
        response = self._http.send("POST", "/alerts/test", {}, key=None)
        return TestAlert.model_validate_json(response.content)

    def acknowledge(self, *alerts: Alert | UUID | str) -> int:
        """Note that you have seen these *alerts*. Returns how many nobody had acknowledged before."""
        ids = [str(each.id if isinstance(each, Alert) else each) for each in alerts]
        count = 0
        for first in range(0, len(ids), MOST_ALERTS):
            body = {"ids": ids[first : first + MOST_ALERTS]}
            response = self._http.send("POST", "/alerts/acknowledge", body, key=None)
            count += Acknowledged.model_validate_json(response.content).acknowledged
        return count

    def command(self, command: Action | Command | UUID | str) -> Command:
        """One command of the log as it is now."""
        return Command.model_validate_json(self._http.get(f"/commands/{_id_of(command)}"))

    def wait(self, command: Action | Command | UUID | str, *, timeout_sec: float = OUTCOME_SEC) -> Command:
        """The command when it was applied.

        Raises:
            CommandRefused: it came to its end, but was not applied: ``Expired``, ``Superseded`` …
            StillPending: it has not come to its end within *timeout_sec*.
        """
        deadline, look_sec = time.monotonic() + timeout_sec, FIRST_LOOK_SEC
        while True:
            try:
                row = self.command(command)
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                continue  # it was asked for over and over already
            if row.status not in PENDING:
                if row.status != CommandStatus.APPLIED:
                    raise errors.of_command(row)
                return row
            if time.monotonic() + look_sec > deadline:
                raise StillPending(
                    f"The {row.kind} is still {row.status} after {timeout_sec:.0f} s.",
                    code=str(row.status),
                    details={"commandId": str(row.id)},
                )
            time.sleep(look_sec)
            look_sec = min(look_sec * 1.5, LAST_LOOK_SEC)

    def _do(
        self,
        kind: type[A],
        path: str,
        body: Mapping[str, Any],
        wait: bool,
        key: str | None,
        *,
        method: str = "POST",
    ) -> A:
        key = key or str(uuid.uuid4())
        response = self._http.send(method, path, body, key=key, wait_sec=ASK_SEC if wait else 0.0)
        if response.status_code != 202:
            return kind.model_validate_json(response.content)
        queued = Action.model_validate_json(response.content)
        if not wait:
            return _part_of(kind, queued)
        row = self.wait(queued)
        if path != "/kill":
            # the same key gives the same command, now with its whole answer
            response = self._http.send(method, path, body, key=key, wait_sec=ASK_SEC)
            if response.status_code == 200:
                return kind.model_validate_json(response.content)
        return _part_of(kind, queued, state=row.to_state, status=row.status, revision=row.revision)


def _part_of(kind: type[A], known: Action, **newer: Any) -> A:
    """An answer of which only what every command has is there."""
    return cast(A, kind.model_construct(**{**known.model_dump(), **newer}))


def _id_of(command: Action | Command | UUID | str) -> UUID:
    if isinstance(command, Action):
        return command.command_id
    found = command.id if isinstance(command, Command) else command
    try:
        return found if isinstance(found, UUID) else UUID(found)
    except ValueError:
        raise NotFound(f"{found} is not the id of a command.", code="not_found") from None


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def _number(value: Any) -> Any:
    # thresholds are JSON numbers, which a Decimal is not
    return float(value) if isinstance(value, Decimal) else value
