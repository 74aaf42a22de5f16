"""An account at a played Alpaca, which does nothing by itself: it shows what a test puts there, in Alpaca's own form.

Positions do not follow fills, nor fills orders' ends: at Alpaca each of them can lag behind the others, and a test says how.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4, uuid5

from tests.bot import fake
from tests.bot.fake import Answer, Call

_ASSETS = UUID("6f1bd6a4-2c0f-4b4e-9d3c-1f1f6a1d9a10")
_FINISHED = ("filled", "canceled", "expired", "rejected", "replaced")
Row = dict[str, Any]


def asset_id(symbol: str) -> str:
    """The id under which the played Alpaca knows *symbol*."""
    return str(uuid5(_ASSETS, symbol))


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


class FakeAccount:
    """One account: its methods put things there, or change them; a row's further fields are named as Alpaca's."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        #: Every call that arrived, oldest first.
        self.seen: list[Call] = []
        #: Sent with every answer, such as ``X-RateLimit-Remaining``.
        self.headers: dict[str, str] = {}
        self.suspended = False
        #: By symbol, by id, and oldest first.
        self.positions: dict[str, Row] = {}
        self.orders: dict[str, Row] = {}
        self.fills: list[Row] = []
        #: New symbols, by the asset's id.
        self.renamed: dict[str, str] = {}
        self._account: Row = {**fake.ACCOUNT, "id": str(uuid4())}
        for derived in ("long_market_value", "short_market_value"):
            del self._account[derived]
        self._clock: Row = {}
        self._says: list[tuple[str, Answer | Callable[[Call], Answer | None]]] = []
        self._numbers = count(1)

    # -- what is there ------------------------------------------------------------------------------------------

    def account(self, **fields: Any) -> Row:
        """The account, after these changes. Market values are those of the positions unless they are given."""
        self._account |= fields
        values = [Decimal(row["market_value"] or 0) for row in self.positions.values()]
        longs, shorts = sum(v for v in values if v > 0), sum(v for v in values if v < 0)
        return {"long_market_value": str(longs), "short_market_value": str(shorts), **self._account}

    def clock(self, *, is_open: bool = True, at: datetime | str | None = None, **fields: Any) -> Row:
        """What the exchange's clock shows from now on; it does not run, except where no *at* was given."""
        self._clock = {"is_open": is_open, "timestamp": at, **fields}
        return self._clock_row()

    def holds(self, **shares: Any) -> None:
        """Hold exactly these positions, each bought and worth 10 dollars a share."""
        self.holds_all(shares)

    def holds_all(self, shares: Mapping[str, Any]) -> None:
        """The same, for symbols that are no names in Python."""
        self.positions.clear()
        for symbol, quantity in shares.items():
            self.position(symbol, quantity)

    def position(
        self, symbol: str, shares: Any, price: Any = 10, *, current: Any = None, held: Any = 0, **fields: Any
    ) -> Row:
        """Hold this position, *held* shares of it by working orders; none at 0 shares."""
        quantity, entry = Decimal(str(shares)), Decimal(str(price))
        worth = entry if current is None else Decimal(str(current))
        self.positions.pop(symbol, None)
        row = {
            "asset_id": asset_id(symbol),
            "symbol": symbol,
            "exchange": "NASDAQ",
            "asset_class": "us_equity",
            "asset_marginable": True,
            "qty": str(quantity),
            "qty_available": str(quantity - Decimal(str(held)).copy_sign(quantity)),
            "avg_entry_price": str(entry),
            "side": "long" if quantity > 0 else "short",
            "market_value": str(quantity * worth),
            "cost_basis": str(quantity * entry),
            "unrealized_pl": str(quantity * (worth - entry)),
            "current_price": str(worth),
            **fields,
        }
        if quantity:
            self.positions[symbol] = row
        return row

    def order(
        self,
        status: str = "new",
        symbol: str = "AAPL",
        qty: Any = 10,
        *,
        side: str = "buy",
        filled: Any = 0,
        price: Any = None,
        at: datetime | None = None,
        **fields: Any,
    ) -> str:
        """Put an order there, submitted *at* (now), of which *filled* shares were filled at *price*; its id.

        Of a filled order all are filled unless *filled* says otherwise. No fill is recorded: see ``fill``.
        """
        order_id = str(fields.pop("id", None) or uuid4())
        done = Decimal(str(qty if status == "filled" and not filled else filled))
        stamp = written(at or datetime.now(UTC))
        self.orders[order_id] = {
            "id": order_id,
            "client_order_id": str(uuid4()),
            "created_at": stamp,
            "updated_at": stamp,
            "submitted_at": stamp,
            "filled_at": stamp if status == "filled" else None,
            "canceled_at": stamp if status == "canceled" else None,
            "replaced_by": None,
            "replaces": None,
            "asset_id": asset_id(symbol),
            "symbol": symbol,
            "asset_class": "us_equity",
            "notional": None,
            "qty": None if qty is None else str(qty),
            "filled_qty": str(done),
            "filled_avg_price": str(10 if price is None else price) if done else None,
            "order_class": "",
            "type": "market",
            "side": side,
            "time_in_force": "day",
            "status": status,
            "legs": None,
            **fields,
        }
        return order_id

    def fill(self, order_id: str, shares: Any, price: Any = 10, at: datetime | None = None) -> str:
        """Fill *shares* (unsigned) of an order at *price*: the order shows it, and the activities; the fill's id."""
        order = self.orders[order_id]
        size, cost = Decimal(str(shares)), Decimal(str(price))
        before = Decimal(order["filled_qty"])
        total = before + size
        paid = before * Decimal(order["filled_avg_price"] or 0) + size * cost
        is_all = order["qty"] is not None and total >= Decimal(order["qty"])
        stamp = written(at or datetime.now(UTC))
        order |= {
            "filled_qty": str(total),
            "filled_avg_price": str(paid / total),
            "status": "filled" if is_all else "partially_filled",
            "filled_at": stamp,
            "updated_at": stamp,
        }
        fill_id = f"{re.sub('[^0-9]', '', stamp)[:17]}{next(self._numbers):04}::{uuid4()}"
        self.fills.append(
            {
                "id": fill_id,
                "account_id": self._account["id"],
                "activity_type": "FILL",
                "transaction_time": stamp,
                "type": "fill" if is_all else "partial_fill",
                "price": str(cost),
                "qty": str(size),
                "side": order["side"],
                "symbol": order["symbol"],
                "leaves_qty": "0" if order["qty"] is None else str(Decimal(order["qty"]) - total),
                "order_id": order_id,
                "cum_qty": str(total),
                "order_status": order["status"],
            }
        )
        return fill_id

    def bust(self, order_id: str) -> None:
        """Take an order's fills back; as at Alpaca, it keeps its price, and the activities their rows."""
        self.orders[order_id]["filled_qty"] = "0"

    def replace(self, order_id: str, **fields: Any) -> str:
        """Replace an order by another, which differs in these fields; the other's id."""
        old = self.orders[order_id]
        new = {**old, "id": str(uuid4()), "client_order_id": str(uuid4()), "replaces": order_id, **fields}
        old |= {"status": "replaced", "replaced_by": new["id"]}
        self.orders[new["id"]] = new
        return str(new["id"])

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

    def _clock_row(self) -> Row:
        row = {"is_open": True, "timestamp": None, **self._clock}
        at = row["timestamp"] or datetime.now(UTC)
        if isinstance(at, datetime):
            row["timestamp"] = written(at)
            row.setdefault("next_open", written(at + timedelta(hours=18)))
            row.setdefault("next_close", written(at + timedelta(hours=1 if row["is_open"] else 24)))
        return row


def written(at: datetime) -> str:
    """A time as Alpaca writes it, to the nanosecond."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"


def _moment(text: str | None) -> datetime:
    return datetime.max.replace(tzinfo=UTC) if text is None else datetime.fromisoformat(text)


def _lies(text: str | None, query: Mapping[str, str]) -> bool:
    """Whether a time is one that was asked for; both ends are left out."""
    moment = _moment(text)
    return ("after" not in query or moment > _moment(query["after"])) and (
        "until" not in query or moment < _moment(query["until"])
    )
