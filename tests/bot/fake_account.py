"""An account at a played Alpaca, which does nothing by itself: it shows what a test puts there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from urllib.parse import unquote
from uuid import UUID

from tests.bot import fake
from tests.bot.fake import Answer, Call
from tests.bot.fake_holdings import FakeHoldings, Row

_FINISHED = ("filled", "canceled", "expired", "rejected", "replaced")


def refusal(status: int, code: int, message: str) -> Answer:
    """An error as Alpaca words it."""
    return Answer({"code": code, "message": message}, status)


NO_ORDER = refusal(404, 40410000, "order not found")
NO_ASSET = refusal(404, 40410000, "asset not found for the id")
NO_POSITION = refusal(404, 40410000, "position does not exist")
NO_ENDPOINT = refusal(404, 40410000, "endpoint not found")
NO_UUID = refusal(422, 40010001, "order_id is missing")


class FakeBroker:
    """Alpaca, with an account for each API key."""

    def __init__(self, url: str, accounts: dict[str, FakeAccount]) -> None:
        self.url = url
        self._accounts = accounts
        self._numbers = count(1)

    def account(self) -> FakeAccount:
        """A new one, that holds nothing."""
        key = f"PKFAKE{next(self._numbers)}"
        self._accounts[key] = FakeAccount(self.url, key)
        return self._accounts[key]


@contextmanager
def fake_broker() -> Iterator[FakeBroker]:
    accounts: dict[str, FakeAccount] = {}

    def answer(call: Call) -> Answer:
        ours = accounts.get(call.headers.get("APCA-API-KEY-ID", ""))
        return ours.answer(call) if ours else Answer({"message": "forbidden."}, 403)

    with fake.serve(answer) as url:
        yield FakeBroker(url, accounts)


class FakeAccount(FakeHoldings):
    """One account: what is there, and how it answers."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__()
        self.url, self.key = url, key
        #: Every call that arrived, oldest first.
        self.seen: list[Call] = []
        #: Sent with every answer, such as ``X-RateLimit-Remaining``.
        self.headers: dict[str, str] = {}
        self.suspended = False
        self._says: list[tuple[str, Answer | Callable[[Call], Answer | None]]] = []

    # -- what goes wrong ----------------------------------------------------------------------------------------

    def says(self, path: str, answer: Answer | Callable[[Call], Answer | None]) -> None:
        """Answer every call to a path that begins with *path* with *answer*, or with what it makes of the call (None is
        the ordinary answer, so that it can look on, or change things first). Later ones come first."""
        self._says.insert(0, (path, answer))

    def heals(self) -> None:
        """Answer everything in the ordinary way again."""
        self._says.clear()
        self.headers.clear()

    def calls(self) -> list[str]:
        """The paths that were asked for, oldest first."""
        return [call.path for call in self.seen]

    # -- how it answers -----------------------------------------------------------------------------------------

    def answer(self, call: Call) -> Answer:
        self.seen.append(call)
        found = next((said for said in self._said(call) if said is not None), None) or self._ordinary(call)
        return Answer(found.body, found.status, {**found.headers, **self.headers})

    def _said(self, call: Call) -> Iterator[Answer | None]:
        for path, answer in self._says:
            if call.path.startswith(path):
                yield answer if isinstance(answer, Answer) else answer(call)

    def _ordinary(self, call: Call) -> Answer:
        thing = unquote(call.path.rsplit("/", 1)[-1])
        match call.method, call.path.split("/")[2:]:
            case "GET", ["account"]:
                return Answer(self.account())
            case "GET" | "PATCH", ["account", "configurations"]:
                if call.method == "PATCH":
                    self.suspended = call.json["suspend_trade"]
                    self._account["trade_suspended_by_user"] = self.suspended
                return Answer({"suspend_trade": self.suspended, "no_shorting": False})
            case "GET", ["clock"]:
                return Answer(self._clock_row())
            case "GET", ["assets", _]:
                return self._asset(thing)
            case "GET", ["positions"]:
                return Answer(list(self.positions.values()))
            case "DELETE", ["positions", _]:
                return self._close(thing, call.query.get("qty"))
            case "GET", ["orders"]:
                return Answer(self._orders(call.query))
            case "DELETE", ["orders"]:
                working = [row for row in self.orders.values() if row["status"] not in _FINISHED]
                for row in working:
                    row["status"] = "canceled"
                return Answer([{"id": row["id"], "status": 200} for row in working], 207)
            case "GET", ["orders:by_client_order_id"]:
                wanted = call.query.get("client_order_id")
                rows = [row for row in self.orders.values() if row["client_order_id"] == wanted]
                return Answer(rows[0]) if rows else NO_ORDER
            case "GET" | "DELETE", ["orders", _]:
                return self._order(thing, call.method)
            case "GET", ["account", "activities", "FILL"]:
                return Answer(self._fills(call.query))
        return NO_ENDPOINT

    def _order(self, order_id: str, method: str) -> Answer:
        try:
            UUID(order_id)
        except ValueError:
            if order_id not in self.orders:
                return NO_UUID
        row = self.orders.get(order_id.lower()) or self.orders.get(order_id)
        if row is None:
            return NO_ORDER
        if method == "GET":
            return Answer(row)
        if row["status"] in _FINISHED:
            return refusal(422, 42210000, f'order is already in "{row["status"]}" state')
        row["status"] = "canceled"
        return Answer(b"", 204)

    def _asset(self, asset: str) -> Answer:
        """What an asset is called: as its position, else as its last order, unless it was renamed since."""
        rows = [*self.orders.values(), *self.positions.values()]
        symbols = [row["symbol"] for row in rows if row["asset_id"] == asset]
        symbol = self.renamed.get(asset) or (symbols[-1] if symbols else None)
        return Answer({"id": asset, "symbol": symbol}) if symbol else NO_ASSET

    def _orders(self, query: Mapping[str, str]) -> list[Row]:
        status, limit = query.get("status", "open"), int(query.get("limit", 50))
        rows = [
            row
            for row in self.orders.values()
            if (status == "all" or (row["status"] in _FINISHED) is (status == "closed"))
            and _lies(row["submitted_at"], query)
        ]
        rows.sort(key=lambda row: _moment(row["submitted_at"]), reverse=query.get("direction") != "asc")
        return rows[:limit]

    def _fills(self, query: Mapping[str, str]) -> list[Row]:
        rows = [row for row in self.fills if _lies(row["transaction_time"], query)]
        rows.sort(key=lambda row: _moment(row["transaction_time"]), reverse=query.get("direction") != "asc")
        ids = [row["id"] for row in rows]
        start = ids.index(query["page_token"]) + 1 if "page_token" in query else 0
        return rows[start : start + int(query.get("page_size", 100))]

    def _close(self, name: str, quantity: str | None) -> Answer:
        rows = [row for row in self.positions.values() if name in (row["symbol"], row["asset_id"])]
        if not rows:
            return NO_POSITION
        shares = Decimal(rows[0]["qty"])
        size = abs(shares) if quantity is None else Decimal(quantity)
        if size > abs(Decimal(rows[0]["qty_available"])):
            return refusal(403, 40310000, f"insufficient qty available for order (requested: {size})")
        order_id = self.order(
            "pending_new",
            rows[0]["symbol"],
            size,
            side="sell" if shares > 0 else "buy",
            asset_id=rows[0]["asset_id"],
        )
        return Answer(self.orders[order_id])


def _moment(text: str | None) -> datetime:
    return datetime.max.replace(tzinfo=UTC) if text is None else datetime.fromisoformat(text)


def _lies(text: str | None, query: Mapping[str, str]) -> bool:
    """Whether a time is one that was asked for; both ends are left out."""
    moment = _moment(text)
    return ("after" not in query or moment > _moment(query["after"])) and (
        "until" not in query or moment < _moment(query["until"])
    )
