"""What a client may ask for: the bodies of ``POST /v2/orders`` and ``PATCH /v2/orders/{id}``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sandbox.amounts import decimal
from sandbox.assets import Assets
from sandbox.errors import invalid, refused, unprocessable
from sandbox.orders import Order

TIMES_IN_FORCE = frozenset(("day", "gtc", "opg", "cls", "ioc", "fok"))
#: The prices that each type of order needs; it takes no others.
_PRICES = {
    "market": (),
    "limit": ("limit_price",),
    "stop": ("stop_price",),
    "stop_limit": ("limit_price", "stop_price"),
}


@dataclass(frozen=True, slots=True)
class Changes:
    """What a replacement has otherwise than the order it replaces. None: the same."""

    qty: Decimal | None = None
    time_in_force: str | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    client_order_id: str | None = None

    def alter(self, order: Order) -> bool:
        """Whether this order would be another one."""
        return any(
            (wanted := getattr(self, name)) is not None and wanted != getattr(order, name)
            for name in ("qty", "time_in_force", "limit_price", "stop_price")
        )


def asked_order(body: Mapping[str, Any], assets: Assets) -> Order:
    """Read the body of ``POST /v2/orders``.

    Raises ApiError in the words and with the codes that Alpaca uses. Market, limit, stop and stop-limit orders
    of one leg are simulated; other types and classes are rejected with a 422 of the same form.
    """
    symbol = assets.tradable(body.get("symbol"))
    if body.get("side") not in ("buy", "sell"):
        raise invalid("invalid side")
    kind = body.get("type", "market")
    if (
        not isinstance(kind, str)
        or kind not in _PRICES
        or body.get("order_class") not in (None, "", "simple")
    ):
        raise invalid("invalid order type: this sandbox simulates simple market, limit and stop orders")
    time_in_force = _time_in_force(body) or "day"
    qty, notional = _amount(body, "qty"), _amount(body, "notional")
    if qty is None and notional is None:
        raise invalid("qty or notional is required")
    if qty is not None and notional is not None:
        raise invalid("only one of qty or notional is accepted")
    prices = _prices(body, kind)
    if notional is not None:
        _check_notional(notional, kind)
    if (notional is not None or (qty is not None and qty % 1)) and time_in_force != "day":
        raise unprocessable("fractional orders must be DAY orders")
    return Order(
        id=str(uuid4()),
        client_order_id=_client_order_id(body) or str(uuid4()),
        symbol=symbol,
        asset_id=assets.id(symbol),
        side=body["side"],
        qty=qty,
        notional=notional,
        type=kind,
        time_in_force=time_in_force,
        extended_hours=_extended_hours(body, kind, time_in_force),
        limit_price=prices["limit_price"],
        stop_price=prices["stop_price"],
    )


def asked_changes(body: Mapping[str, Any]) -> Changes:
    """Read the body of ``PATCH /v2/orders/{id}``. Raises ApiError as ``asked_order`` does."""
    qty = _amount(body, "qty")
    if qty is not None and qty % 1:
        raise unprocessable("qty must be a whole number of shares")
    if body.get("notional") is not None:
        raise unprocessable("notional cannot be replaced")
    return Changes(
        qty=qty,
        time_in_force=_time_in_force(body),
        limit_price=_amount(body, "limit_price"),
        stop_price=_amount(body, "stop_price"),
        client_order_id=_client_order_id(body),
    )


def _prices(body: Mapping[str, Any], kind: str) -> dict[str, Decimal | None]:
    given = {name: _amount(body, name) for name in ("limit_price", "stop_price")}
    for name, price in given.items():
        if (price is None) == (name in _PRICES[kind]):
            if price is None:
                raise invalid(f"{kind} orders require a {name.replace('_', ' ')}")
            raise invalid(f"{kind} orders require no {name.replace('_', ' ')}")
    return given


def _check_notional(notional: Decimal, kind: str) -> None:
    if kind != "market":
        raise unprocessable("notional orders must be market orders")
    if notional < 1:
        raise refused("cost basis must be >= minimal amount of order 1")
    if notional != round(notional, 2):
        raise unprocessable("notional amount must be limited to 2 decimal places")


def _extended_hours(body: Mapping[str, Any], kind: str, time_in_force: str) -> bool:
    wanted = body.get("extended_hours") is True
    if wanted and (kind != "limit" or time_in_force not in ("day", "gtc")):
        raise unprocessable("extended hours orders must be DAY or GTC limit orders")
    return wanted


def _time_in_force(body: Mapping[str, Any]) -> str | None:
    value = body.get("time_in_force")
    if value is not None and (not isinstance(value, str) or value not in TIMES_IN_FORCE):
        raise invalid("invalid time_in_force")
    return value


def _client_order_id(body: Mapping[str, Any]) -> str | None:
    value = body.get("client_order_id")
    if value is None or value == "":
        return None
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
