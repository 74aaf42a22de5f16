"""The books: what a trading program records. Only the opening asks the gate; the rest are facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from client.models import Trade
from client.transport import Http
from client.values import plain, written
from client.words import ExitReason, TradeStatus

Number = Decimal | int | float | str


class Books:
    """Trades. Each call takes a ``key``: the same key is recorded once, however often it is sent."""

    _http: Http

    def open_trade(
        self,
        symbol: str,
        *,
        shares: Number,
        price: Number,
        catalyst_type: str | None = None,
        catalyst_tier: int | None = None,
        order_id: str | None = None,
        at: datetime | str | None = None,
        note: str | None = None,
        key: str | None = None,
    ) -> Trade:
        """Open a trade, if the gate is open: before its order is sent, or with *order_id* after it filled.

        Raises:
            GateClosed: nothing was opened; it has every reason.
        """
        body = {
            "symbol": symbol,
            "shares": plain(shares),
            "entryPrice": plain(price),
            "catalystType": catalyst_type,
            "catalystTier": catalyst_tier,
            "alpacaOrderId": order_id,
            "entryAt": written(at),
            "note": note,
        }
        return self._record("/trades", body, key)

    @contextmanager
    def trade(self, symbol: str, *, shares: Number, price: Number, **more: Any) -> Iterator[OpenTrade]:
        """Reserve a trade, and record its progress in a ``with`` block.

        If the block ends without a recorded order, nothing was bought, and the trade is made void. If it ends with an error, the
        trade stays as it is: an order may be on its way, and reconciliation finds it in the broker's own record, in which the
        order's client order id is the trade's id.
        """
        trade = OpenTrade(self, self.open_trade(symbol, shares=shares, price=price, **more))
        yield trade
        if trade.now.alpaca_order_id is None and trade.now.status == TradeStatus.OPEN:
            trade.void("Nothing was ordered.")

    def record_entry(
        self,
        trade: UUID | str,
        order_id: str,
        *,
        price: Number | None = None,
        shares: Number | None = None,
        at: datetime | str | None = None,
        key: str | None = None,
    ) -> Trade:
        """The entry order of a trade, and once it is finished, its fill."""
        body = {
            "alpacaOrderId": order_id,
            "entryPrice": plain(price),
            "shares": plain(shares),
            "entryAt": written(at),
        }
        return self._record(f"/trades/{trade}/entry", body, key)

    def void_trade(self, trade: UUID | str, note: str | None = None, *, key: str | None = None) -> Trade:
        """The entry order never filled, and will not."""
        return self._record(f"/trades/{trade}/void", {"note": note}, key)

    def mark_exit_reason(
        self, trade: UUID | str, reason: ExitReason | str, *, key: str | None = None
    ) -> Trade:
        """Why an open trade is about to be exited, said before the order is sent."""
        return self._record(f"/trades/{trade}/exit-reason", {"exitReason": str(reason)}, key)

    def record_exit(
        self,
        trade: UUID | str,
        *,
        shares: Number,
        price: Number,
        at: datetime | str | None = None,
        order_id: str | None = None,
        reason: ExitReason | str | None = None,
        note: str | None = None,
        key: str | None = None,
    ) -> Trade:
        """A fill, or a part of a fill; the trade is closed when its exits add up to its shares."""
        body = {**_exit(price, at, order_id, reason, note), "shares": plain(shares)}
        return self._record(f"/trades/{trade}/exits", body, key)

    def close_trade(
        self,
        trade: UUID | str,
        *,
        price: Number,
        at: datetime | str | None = None,
        order_id: str | None = None,
        reason: ExitReason | str | None = None,
        note: str | None = None,
        key: str | None = None,
    ) -> Trade:
        """All that is still held was sold, at this average price."""
        return self._record(f"/trades/{trade}/close", _exit(price, at, order_id, reason, note), key)

    def correct_trade(
        self,
        trade: UUID | str,
        *,
        why: str,
        price: Number | None = None,
        at: datetime | str | None = None,
        exit_reason: ExitReason | str | None = None,
        note: str | None = None,
        key: str | None = None,
    ) -> Trade:
        """How a closed trade really ended; for operators."""
        body = {**_exit(price, at, None, exit_reason, note), "reason": why}
        return self._record(f"/trades/{trade}", body, key, method="PATCH")

    def _record(self, path: str, body: Mapping[str, Any], key: str | None, *, method: str = "POST") -> Trade:
        return Trade.model_validate_json(self._http.send(method, path, body, key=key).content)


class OpenTrade:
    """A trade in the hands of the program that makes it. ``now`` is what the books say of it."""

    def __init__(self, books: Books, trade: Trade) -> None:
        self._books = books
        self.now = trade

    @property
    def id(self) -> str:
        """The trade's id, which its order has to have as client order id."""
        return str(self.now.id)

    def ordered(self, order_id: str) -> Trade:
        """The order was sent: its id, as soon as it is known."""
        return self._is(self._books.record_entry(self.id, order_id))

    def filled(
        self, *, price: Number, shares: Number, order_id: str | None = None, at: datetime | str | None = None
    ) -> Trade:
        """The order is finished, with this fill.

        Raises:
            ValueError: neither this nor ``ordered`` says which order.
        """
        order_id = order_id or self.now.alpaca_order_id
        if order_id is None:
            raise ValueError("which order filled? give order_id, or call ordered(order_id) before")
        return self._is(self._books.record_entry(self.id, order_id, price=price, shares=shares, at=at))

    def void(self, note: str | None = None) -> Trade:
        """Nothing filled, and nothing will."""
        return self._is(self._books.void_trade(self.id, note))

    def exiting(self, reason: ExitReason | str) -> Trade:
        """It is about to be exited: said before the order is sent."""
        return self._is(self._books.mark_exit_reason(self.id, reason))

    def exited(self, *, shares: Number, price: Number, **more: Any) -> Trade:
        """A part of it was sold."""
        return self._is(self._books.record_exit(self.id, shares=shares, price=price, **more))

    def closed(self, *, price: Number, **more: Any) -> Trade:
        """All that was held of it is sold."""
        return self._is(self._books.close_trade(self.id, price=price, **more))

    def _is(self, trade: Trade) -> Trade:
        self.now = trade
        return trade


def _exit(
    price: Number | None,
    at: datetime | str | None,
    order_id: str | None,
    reason: ExitReason | str | None,
    note: str | None,
) -> dict[str, Any]:
    return {
        "exitPrice": plain(price),
        "exitAt": written(at),
        "alpacaExitOrderId": order_id,
        "exitReason": None if reason is None else str(reason),
        "note": note,
    }
