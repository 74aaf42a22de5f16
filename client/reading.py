"""Everything that can be read. Lists are iterators that fetch a page when they need one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import requests

from client import errors
from client.errors import PitbossError, Unavailable
from client.models import (
    Account,
    Alert,
    AlertDestination,
    Answer,
    Command,
    Config,
    DailyStats,
    Flatten,
    Gate,
    Positions,
    Reconciliation,
    Status,
    Token,
    Trade,
    TradeEvent,
)
from client.transport import CONNECT_TIMEOUT_SEC, FIRST_WAIT_SEC, LAST_WAIT_SEC, Http

T = TypeVar("T", bound=Answer)
#: One word or several.
Words = str | Collection[str]
#: Most items of one answer.
PAGE = 200
#: A stream that says nothing for so long is broken: Pitboss sends something every few seconds.
SILENCE_SEC = 30.0


class Reading:
    """Answers to questions; they change nothing."""

    _http: Http

    def status(self) -> Status:
        """The bot at a glance."""
        return Status.model_validate_json(self._http.get("/status"))

    def gate(self) -> Gate:
        """May the bot open a position now?"""
        return Gate.model_validate_json(self._http.get("/gate"))

    def config(self) -> Config:
        """The thresholds."""
        return Config.model_validate_json(self._http.get("/config"))

    def positions(self) -> Positions:
        """Positions at the broker and in the books."""
        return Positions.model_validate_json(self._http.get("/positions"))

    def account(self) -> Account:
        """The account at the broker."""
        return Account.model_validate_json(self._http.get("/account"))

    def flatten_progress(self) -> Flatten:
        """The state of the last flatten."""
        return Flatten.model_validate_json(self._http.get("/flatten"))

    def commands(
        self,
        *,
        kind: Words = (),
        status: Words = (),
        source: Words = (),
        actor: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Command]:
        """The command log, the newest first; *text* is looked for in reason, error, actor, parameters and id."""
        query = {
            "kind": kind,
            "status": status,
            "source": source,
            "actor": actor,
            "since": since,
            "until": until,
            "text": text,
        }
        return self._list(Command, "/commands", query, limit)

    def trades(
        self,
        *,
        status: Words = (),
        symbol: str | None = None,
        mode: Words = (),
        exit_reason: Words = (),
        since: date | str | None = None,
        until: date | str | None = None,
        limit: int | None = None,
    ) -> Iterator[Trade]:
        """Trades, the newest first; *since* and *until* are the first and last trading date of their entry."""
        query = {
            "status": status,
            "symbol": symbol,
            "mode": mode,
            "exitReason": exit_reason,
            "since": since,
            "until": until,
        }
        return self._list(Trade, "/trades", query, limit)

    def find_trade(self, trade: UUID | str) -> Trade:
        """One trade."""
        return Trade.model_validate_json(self._http.get(f"/trades/{trade}"))

    def trade_events(self, trade: UUID | str, *, limit: int | None = None) -> Iterator[TradeEvent]:
        """What changed on a trade, by whom and why, the newest first."""
        return self._list(TradeEvent, f"/trades/{trade}/events", {}, limit)

    def daily_stats(
        self,
        *,
        mode: Words = (),
        since: date | str | None = None,
        until: date | str | None = None,
        limit: int | None = None,
    ) -> Iterator[DailyStats]:
        """Statistics of each trading day and mode, the last first."""
        return self._list(DailyStats, "/stats/daily", {"mode": mode, "since": since, "until": until}, limit)

    def reconciliations(
        self,
        *,
        verdict: Words = (),
        outcome: Words = (),
        trigger: Words = (),
        limit: int | None = None,
    ) -> Iterator[Reconciliation]:
        """Reports of every reconciliation, the newest first."""
        query = {"verdict": verdict, "outcome": outcome, "trigger": trigger}
        return self._list(Reconciliation, "/reconciliations", query, limit)

    def alerts(
        self,
        *,
        kind: Words = (),
        severity: Words = (),
        state: Words = (),
        limit: int | None = None,
    ) -> Iterator[Alert]:
        """Alerts, newest first."""
        return self._list(Alert, "/alerts", {"kind": kind, "severity": severity, "state": state}, limit)

    def alert_destinations(self) -> list[AlertDestination]:
        """Where alerts are sent, and whether they arrive."""
        found = json.loads(self._http.get("/alerts/destinations"))["items"]
        return [AlertDestination.model_validate(each) for each in found]

    def tokens(self) -> list[Token]:
        """Who has a token, and when it was last used; no token is shown."""
        return [Token.model_validate(each) for each in json.loads(self._http.get("/tokens"))["items"]]

    def events(self, *, lost: Callable[[PitbossError], None] | None = None) -> Iterator[Status]:
        """The status at once, and again with every change, for ever.

        A broken stream is opened again; *lost* is called at each break, and may raise to end it. No event is repeated, since each
        is the whole status.

        Raises:
            Refused: the token may not read.
        """
        wait_sec = FIRST_WAIT_SEC
        while True:
            try:
                for name, data in self._stream():
                    if name == "status":
                        wait_sec = FIRST_WAIT_SEC
                        yield Status.model_validate_json(data)
                    elif name == "unavailable" and lost is not None:
                        said = json.loads(data)
                        lost(Unavailable(said["error"], code=said["code"]))
                trouble: PitbossError = Unavailable("The stream of events has ended.")
            except requests.RequestException:
                trouble = Unavailable(f"Pitboss at {self._http.root} does not answer.")
            except Unavailable as busy:
                trouble = busy
            if lost is not None:
                lost(trouble)
            time.sleep(wait_sec)
            wait_sec = min(wait_sec * 2, LAST_WAIT_SEC)

    def _stream(self) -> Iterator[tuple[str, str]]:
        with self._http.session.get(
            f"{self._http.root}/api/bot/events",
            headers={"Accept": "text/event-stream"},
            stream=True,
            timeout=(CONNECT_TIMEOUT_SEC, SILENCE_SEC),
        ) as response:
            if not response.ok:
                raise errors.of(response)
            name, data = "message", ""
            for line in response.iter_lines(chunk_size=1, decode_unicode=False):
                field, _, value = line.decode().partition(":")
                if not line:
                    if data:
                        yield name, data
                    name, data = "message", ""
                elif field == "event":
                    name = value.strip()
                elif field == "data":
                    data += value.strip()

    def _list(self, kind: type[T], path: str, query: Mapping[str, Any], limit: int | None) -> Iterator[T]:
        params = {name: _word(value) for name, value in query.items() if value not in (None, (), [])}
        left = limit
        while left is None or left > 0:
            params["limit"] = str(PAGE if left is None else min(left, PAGE))
            page = json.loads(self._http.get(path, params))
            for item in page["items"]:
                yield kind.model_validate(item)
            if left is not None:
                left -= len(page["items"])
            if page["nextCursor"] is None:
                return
            params["cursor"] = page["nextCursor"]


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, date) else ",".join(str(each) for each in value)
