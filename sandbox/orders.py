"""Orders: how one is asked for, what it becomes, and how Alpaca shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sandbox.amounts import SHARE, ZERO, decimal, plain, rounded
from sandbox.assets import asset_id, checked_symbol
from sandbox.errors import invalid, refused, unprocessable

# Alpaca's order life: https://docs.alpaca.markets/docs/orders-at-alpaca
OPEN = frozenset(
    (
        "new",
        "accepted",
        "pending_new",
        "partially_filled",
        "held",
        "accepted_for_bidding",
        "pending_replace",
        "pending_cancel",
        "pending_review",
        "calculated",
        "stopped",
        "suspended",
        "done_for_day",
    )
)
CLOSED = frozenset(("filled", "canceled", "expired", "replaced", "rejected"))
TIMES_IN_FORCE = frozenset(("day", "gtc", "opg", "cls", "ioc", "fok"))


def timestamp() -> str:
    """Now, in UTC, as Alpaca writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Order:
    """One order, in shares and dollars; ``qty`` is None for an order of an amount of money (``notional``)."""

    id: str
    client_order_id: str
    symbol: str
    side: str
    qty: Decimal | None
    notional: Decimal | None = None
    type: str = "market"
    time_in_force: str = "day"
    limit_price: Decimal | None = None
    extended_hours: bool = False
    status: str = "new"
    filled_qty: Decimal = ZERO
    filled_avg_price: Decimal | None = None
    created_at: str = ""
    updated_at: str = ""
    filled_at: str | None = None
    canceled_at: str | None = None
    scripted: bool = False  # put here by a test: it keeps the status it was given until it is canceled

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1

    def crosses(self, price: Decimal) -> bool:
        """Whether the order fills at this price."""
        if self.limit_price is None:
            return True
        return price <= self.limit_price if self.side == "buy" else price >= self.limit_price

    def shares(self, price: Decimal) -> Decimal:
        """The shares still to be filled, at this price if the order is for an amount of money."""
        if self.qty is not None:
            return self.qty - self.filled_qty
        return ((self.notional or ZERO) / price).quantize(SHARE)

    def row(self) -> dict[str, Any]:
        """The order as Alpaca shows it."""
        return {
            "id": self.id,
            "client_order_id": self.client_order_id,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "submitted_at": self.created_at,
            "filled_at": self.filled_at,
            "expired_at": None,
            "canceled_at": self.canceled_at,
            "failed_at": None,
            "replaced_at": None,
            "replaced_by": None,
            "replaces": None,
            "asset_id": asset_id(self.symbol),
            "symbol": self.symbol,
            "asset_class": "us_equity",
            "notional": _text(self.notional),
            "qty": _text(self.qty),
            "filled_qty": plain(self.filled_qty),
            "filled_avg_price": None if self.filled_avg_price is None else rounded(self.filled_avg_price),
            "order_class": "simple",
            "order_type": self.type,
            "type": self.type,
            "side": self.side,
            "time_in_force": self.time_in_force,
            "limit_price": _text(self.limit_price),
            "stop_price": None,
            "status": self.status,
            "extended_hours": self.extended_hours,
            "legs": None,
            "trail_percent": None,
            "trail_price": None,
            "hwm": None,
        }

    def as_json(self) -> dict[str, Any]:
        """Every field, for the state file."""
        return {name: plain(v) if isinstance(v, Decimal) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Order:
        """The order that ``as_json`` wrote."""
        amounts = {f.name for f in fields(cls) if "Decimal" in str(f.type)}
        values: dict[str, Any] = {
            name: Decimal(value) if name in amounts and value is not None else value
            for name, value in row.items()
        }
        return cls(**values)


def asked_order(body: Mapping[str, Any]) -> Order:
    """Read the body of ``POST /v2/orders``.

    Raises ApiError in the words and with the codes that Alpaca uses. Market and limit orders of one leg are
    simulated; other types and classes are refused with a 422 of the same form.
    """
    symbol = checked_symbol(body.get("symbol"))
    if body.get("side") not in ("buy", "sell"):
        raise invalid("invalid side")
    kind = body.get("type", "market")
    if kind not in ("market", "limit") or body.get("order_class") not in (None, "", "simple"):
        raise invalid("invalid order type: this sandbox simulates simple market and limit orders")
    time_in_force = body.get("time_in_force", "day")
    if time_in_force not in TIMES_IN_FORCE:
        raise invalid("invalid time_in_force")
    qty, notional = _amount(body, "qty"), _amount(body, "notional")
    limit_price = _amount(body, "limit_price")
    if qty is None and notional is None:
        raise invalid("qty or notional is required")
    if qty is not None and notional is not None:
        raise invalid("only one of qty or notional is accepted")
    if kind == "limit" and limit_price is None:
        raise invalid("limit orders require a limit price")
    if kind == "market" and limit_price is not None:
        raise invalid("market orders require no stop or limit price")
    if notional is not None:
        _check_notional(notional, kind)
    if (notional is not None or (qty is not None and qty % 1)) and time_in_force != "day":
        raise unprocessable("fractional orders must be DAY orders")
    return Order(
        id=str(uuid4()),
        client_order_id=_client_order_id(body.get("client_order_id")),
        symbol=symbol,
        side=body["side"],
        qty=qty,
        notional=notional,
        type=kind,
        time_in_force=time_in_force,
        limit_price=limit_price,
        extended_hours=body.get("extended_hours") is True,
    )


def _check_notional(notional: Decimal, kind: str) -> None:
    if kind != "market":
        raise unprocessable("notional orders must be market orders")
    if notional < 1:
        raise refused("cost basis must be >= minimal amount of order 1")
    if notional != round(notional, 2):
        raise unprocessable("notional amount must be limited to 2 decimal places")


def _client_order_id(value: Any) -> str:
    if value is None or value == "":
        return str(uuid4())
    if not isinstance(value, str) or len(value) > 128:
        raise invalid("client_order_id must be no more than 128 characters")
    return value


def _amount(body: Mapping[str, Any], name: str) -> Decimal | None:
    if body.get(name) is None:
        return None
    try:
        number = decimal(body[name])
    except ValueError:
        raise invalid(f"{name} is invalid") from None
    if number <= 0:
        raise invalid(f"{name} must be > 0")
    if name == "qty" and number != round(number, 9):
        raise invalid("qty must be limited to 9 decimal places")
    return number


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)
