"""Parses the rows in Alpaca's answers. Every function understands its row completely or raises BrokerGarbled.

Facts about the API are from Alpaca's description of its Trading API (2.0.1): amounts are strings, times have up to nine
decimals, and a field that is not needed here may come, go or be null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from bot.broker.errors import AccountBlocked, BrokerGarbled
from bot.broker.readings import Account, Clock, Fill, Order, Position

#: Upper bounds of an amount and of its decimals: averages have sixteen.
MAX_AMOUNT, MAX_DECIMALS = Decimal("1e15"), 20
#: The most digits in total: what Python's decimals calculate with, so that nothing is rounded silently.
MAX_DIGITS = 28
#: The longest id, symbol or status, in characters.
MAX_TEXT = 200
#: The form of nearly every amount, which is within all of these bounds.
_PLAIN = re.compile(r"-?\d{1,15}(\.\d{1,13})?", re.ASCII)
_AMOUNT = re.compile(r"[+-]?\d{1,40}(\.\d{0,40})?([eE][+-]?\d{1,2})?", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:?\d\d)", re.ASCII | re.IGNORECASE
)
_BLOCKS = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
_ACCOUNT_AMOUNTS = (
    "equity",
    "last_equity",
    "cash",
    "buying_power",
    "long_market_value",
    "short_market_value",
)
_SIDES = {
    "buy": 1,
    "buy_minus": 1,
    "sell": -1,
    "sell_plus": -1,
    "sell_short": -1,
    "sell_short_exempt": -1,
}

Row = Mapping[str, Any]


def account_of(answer: object) -> Account:
    """The account. One that is not ACTIVE may have no amounts: then its status is the answer.

    Raises:
        AccountBlocked: it has no amounts and is not ACTIVE.
    """
    row = _row(answer, "the account")
    status = _text(row, "status", "the account")
    blocks = {flag: row.get(flag, False) for flag in _BLOCKS}
    for flag, value in blocks.items():
        if not isinstance(value, bool):
            raise _garbled("the account", flag, "is neither true nor false")
    if status != "ACTIVE" and any(row.get(name) is None for name in _ACCOUNT_AMOUNTS):
        raise AccountBlocked(f"Alpaca's account may not trade: its status is {status}.")
    amounts = {name: _amount(row, name, "the account") for name in _ACCOUNT_AMOUNTS}
    if amounts["long_market_value"] < 0:
        raise _garbled("the account", "long_market_value", "is negative")
    amounts["short_market_value"] = -abs(amounts["short_market_value"])
    return Account(
        id=_text(row, "id", "the account"),
        status=status,
        blocks=tuple(flag for flag, is_set in blocks.items() if is_set),
        **amounts,
    )


def clock_of(answer: object) -> Clock:
    """The exchange's clock."""
    row = _row(answer, "the clock")
    if not isinstance(row.get("is_open"), bool):
        raise _garbled("the clock", "is_open", "is neither true nor false")
    return Clock(
        at=_time(row, "timestamp", "the clock"),
        is_open=row["is_open"],
        next_open=_time(row, "next_open", "the clock"),
        next_close=_time(row, "next_close", "the clock"),
    )


def asset_of(answer: object) -> tuple[str, str]:
    """The id and the symbol of one asset."""
    row = _row(answer, "an asset")
    return _text(row, "id", "an asset"), _text(row, "symbol", "an asset")


def position_of(answer: object) -> Position:
    """One position; it is garbled if its quantity and side contradict each other, or its quantity is zero."""
    row = _row(answer, "a position")
    symbol = _text(row, "symbol", "a position")
    what = f"the position {symbol}"
    shares, available = _amount(row, "qty", what), _amount(row, "qty_available", what)
    side = row.get("side")
    if side not in ("long", "short", None):
        raise _garbled(what, "side", "is neither long nor short")
    if side == "short":
        shares = -abs(shares)
    if not shares:
        raise _garbled(what, "qty", "is zero")
    if side == "long" and shares < 0:
        raise _garbled(what, "qty", "contradicts its side")
    return Position(
        symbol=symbol,
        asset_id=_text(row, "asset_id", what),
        asset_class=_optional_text(row, "asset_class", what) or "",
        shares=shares,
        available=abs(available).copy_sign(shares) if available else available,
        avg_entry_price=_amount(row, "avg_entry_price", what),
        current_price=_optional_amount(row, "current_price", what),
        market_value=_optional_amount(row, "market_value", what),
        open_pnl=_optional_amount(row, "unrealized_pl", what),
    )


def order_of(answer: object) -> Order:
    """One order. An order of several legs has no symbol, asset or side; an order by amount has no quantity."""
    row = _row(answer, "an order")
    order_id = _text(row, "id", "an order")
    what = f"the order {order_id}"
    symbol = _optional_text(row, "symbol", what) or ""
    quantity, filled = _optional_amount(row, "qty", what), _amount(row, "filled_qty", what)
    for name, value in (("qty", quantity), ("filled_qty", filled)):
        if value is not None and value < 0:
            raise _garbled(what, name, "is negative")
    return Order(
        id=order_id,
        client_order_id=_optional_text(row, "client_order_id", what) or "",
        symbol=symbol,
        asset_id=_optional_text(row, "asset_id", what) or "",
        side=0 if not symbol and row.get("side") in ("", None) else _side(row, what),
        status=_text(row, "status", what).lower(),
        quantity=quantity,
        filled=filled,
        average_price=_optional_amount(row, "filled_avg_price", what),
        submitted_at=_optional_time(row, "submitted_at", what),
        filled_at=_optional_time(row, "filled_at", what),
        replaces=_optional_text(row, "replaces", what) or None,
        replaced_by=_optional_text(row, "replaced_by", what) or None,
    )


def fill_of(answer: object) -> Fill:
    """One fill from the account's activities."""
    row = _row(answer, "a fill")
    fill_id = _text(row, "id", "a fill")
    what = f"the fill {fill_id}"
    # the meaning of a row of another kind is unknown: it must not be booked as a fill
    if row.get("activity_type") != "FILL":
        raise _garbled(what, "activity_type", "is not FILL")
    if row.get("type") not in ("fill", "partial_fill"):
        raise _garbled(what, "type", "is neither fill nor partial_fill")
    shares, price = _amount(row, "qty", what), _amount(row, "price", what)
    if shares <= 0:
        raise _garbled(what, "qty", "is not positive")
    if price < 0:
        raise _garbled(what, "price", "is negative")
    return Fill(
        id=fill_id,
        order_id=_text(row, "order_id", what),
        symbol=_text(row, "symbol", what),
        shares=shares * _side(row, what),
        price=price,
        at=_time(row, "transaction_time", what),
    )


# -- fields -----------------------------------------------------------------------------------------------------


def _row(answer: object, what: str) -> Row:
    if not isinstance(answer, dict):
        raise BrokerGarbled(f"Alpaca's answer about {what} is not an object.")
    return answer


def _garbled(what: str, name: str, problem: str) -> BrokerGarbled:
    return BrokerGarbled(f"Alpaca's answer about {what} makes no sense: {name} {problem}.")


def _text(row: Row, name: str, what: str) -> str:
    value = _optional_text(row, name, what)
    if not value:
        raise _garbled(what, name, "is missing")
    return value


def _optional_text(row: Row, name: str, what: str) -> str | None:
    value = row.get(name)
    # unprintable characters such as NUL or half a surrogate pair can neither be sent nor stored
    if value is not None and not (isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable()):
        raise _garbled(what, name, "is not a text")
    return value


def _amount(row: Row, name: str, what: str) -> Decimal:
    value = row.get(name)
    if value is None:
        raise _garbled(what, name, "is missing")
    amount = _decimal(value) if isinstance(value, str) else None
    if amount is None:
        raise _garbled(what, name, "is not an amount")
    return amount


def _optional_amount(row: Row, name: str, what: str) -> Decimal | None:
    return None if row.get(name) is None else _amount(row, name, what)


@lru_cache(maxsize=10_000)  # many positions are of the same size
def _decimal(text: str) -> Decimal | None:
    """*text* as a number; None if it is not a number, or is too long."""
    if _PLAIN.fullmatch(text):
        return Decimal(text) or Decimal(0)
    if not _AMOUNT.fullmatch(text):
        return None
    number = Decimal(text) or Decimal(0)
    _, digits, _ = number.as_tuple()
    is_long = len(digits) > MAX_DIGITS or int(number.normalize().as_tuple().exponent) < -MAX_DECIMALS
    return None if is_long or abs(number) >= MAX_AMOUNT else number


def _side(row: Row, what: str) -> int:
    side = row.get("side")
    if not isinstance(side, str) or side not in _SIDES:
        raise _garbled(what, "side", "is neither buy nor sell")
    return _SIDES[side]


def _time(row: Row, name: str, what: str) -> datetime:
    found = _optional_time(row, name, what)
    if found is None:
        raise _garbled(what, name, "is missing")
    return found


def _optional_time(row: Row, name: str, what: str) -> datetime | None:
    """A time in UTC, cut to microseconds."""
    value = row.get(name)
    if value is None:
        return None
    try:
        if isinstance(value, str) and _TIME.fullmatch(value):
            at = datetime.fromisoformat(value.upper()).astimezone(UTC)
            if 1970 <= at.year < 2200:
                return at
    except (ValueError, OverflowError):
        pass
    raise _garbled(what, name, "is not a time with an offset")
