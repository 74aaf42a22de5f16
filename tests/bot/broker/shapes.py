"""Answers of Alpaca in the shapes that public sources show, rebuilt by hand with invented values, and what each means.

A source names where the shape was seen; none of the values is from there. The description is Alpaca's of its Trading API,
2.0.1. Whether a public fixture was recorded cannot be proven; the pages and the description are Alpaca's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

DESCRIPTION = "description 2.0.1, read 2026-11-27"
STREAM_PAGE = "docs.alpaca.markets/docs/websocket-streaming, read 2026-11-27"
EVENTS_PAGE = "docs.alpaca.markets/reference/subscribetotradev2sse, read 2026-11-27"
ORDERS_PAGE = "docs.alpaca.markets/docs/orders-at-alpaca, read 2026-11-27"

ASSET = "5f0c1f6e-93a1-4a0e-8a52-0c2f6f3ad001"
FIRST, SECOND = "0d6a3f0e-4d7b-4b8e-9d50-000000000001", "0d6a3f0e-4d7b-4b8e-9d50-000000000002"


@dataclass(frozen=True)
class Shape:
    """*row* as Alpaca answers it, and the attributes of its reading, amounts as text."""

    name: str
    source: str
    row: Row
    means: Row = field(default_factory=dict)


#: A simple market order that was accepted: every other order is this one with changes.
ORDER: Row = {
    "id": FIRST,
    "client_order_id": "b7c1a3a4-0000-4000-8000-00000000000a",
    "created_at": "2026-11-23T15:00:01.123456789Z",
    "updated_at": "2026-11-23T15:00:01.223456789Z",
    "submitted_at": "2026-11-23T15:00:01.120000111Z",
    "filled_at": None,
    "expired_at": None,
    "canceled_at": None,
    "failed_at": None,
    "replaced_at": None,
    "replaced_by": None,
    "replaces": None,
    "asset_id": ASSET,
    "symbol": "ACME",
    "asset_class": "us_equity",
    "notional": None,
    "qty": "40",
    "filled_qty": "0",
    "filled_avg_price": None,
    "order_class": "",
    "order_type": "market",
    "type": "market",
    "side": "buy",
    "position_intent": "buy_to_open",
    "time_in_force": "day",
    "limit_price": None,
    "stop_price": None,
    "status": "accepted",
    "extended_hours": False,
    "legs": None,
    "trail_percent": None,
    "trail_price": None,
    "hwm": None,
    "expires_at": "2026-11-23T21:00:00Z",
}


def order(name: str, source: str, means: Row, **changes: Any) -> Shape:
    return Shape(name, source, {**ORDER, **changes}, {"is_working": True, "side": 1, **means})


_LIMIT: Row = {"type": "limit", "order_type": "limit", "limit_price": "10.25"}
_STOP: Row = {"type": "stop", "order_type": "stop", "stop_price": "9.5", "side": "sell"}
_STOP_LEG: Row = {**ORDER, **_STOP, "id": SECOND, "status": "held", "order_class": "bracket"}
_OVER: Row = {"is_working": False, "left": "0"}
_NO_ASSET: Row = {
    "symbol": "",
    "asset_id": "",
    "asset_class": "",
    "side": "",
    "type": "",
    "position_intent": "",
}

ORDERS = [
    order("accepted", DESCRIPTION, {"quantity": "40", "filled": "0", "left": "40", "average_price": None}),
    order("on its way", DESCRIPTION, {"left": "40"}, status="pending_new"),
    order(
        "partly filled",
        DESCRIPTION,
        {"filled": "15", "left": "25", "average_price": "10.2433333333333333"},
        **_LIMIT,
        status="partially_filled",
        filled_qty="15",
        filled_avg_price="10.2433333333333333",
    ),
    order(
        "filled, with times of New York and of UTC, sent before it was made",
        STREAM_PAGE,
        {**_OVER, "filled": "1790.86", "quantity": "1790.86"},
        status="filled",
        qty="1790.86",
        filled_qty="1790.86",
        filled_avg_price="10.8988475",
        created_at="2026-11-23T10:00:01.981350886-05:00",
        submitted_at="2026-11-23T10:00:01.980944666-05:00",
        filled_at="2026-11-23T15:00:02.024916716Z",
    ),
    order("by amount", DESCRIPTION, {"quantity": None, "left": None}, qty=None, notional="500"),
    order(
        "by amount, filled with a fraction",
        DESCRIPTION,
        {**_OVER, "quantity": None, "filled": "48.450523449"},
        qty=None,
        notional="500",
        filled_qty="48.450523449",
        status="filled",
    ),
    order(
        "cancelled in part",
        DESCRIPTION,
        {**_OVER, "filled": "15"},
        status="canceled",
        filled_qty="15",
        filled_avg_price="10.24",
        canceled_at="2026-11-23T15:10:00.000000001Z",
    ),
    order("expired", DESCRIPTION, _OVER, status="expired", expired_at="2026-11-23T21:00:00.5Z"),
    order("rejected", DESCRIPTION, _OVER, status="rejected", failed_at="2026-11-23T15:00:02Z"),
    order(
        "replaced",
        ORDERS_PAGE,
        {**_OVER, "replaced_by": SECOND},
        status="replaced",
        replaced_by=SECOND,
        replaced_at="2026-11-23T15:05:00Z",
    ),
    order(
        "the one that replaced it", ORDERS_PAGE, {"replaces": FIRST}, id=SECOND, replaces=FIRST, status="new"
    ),
    order("being cancelled", DESCRIPTION, {"left": "40"}, status="pending_cancel"),
    order("being replaced", DESCRIPTION, {"left": "40"}, status="pending_replace"),
    order("done for the day", DESCRIPTION, {"left": "40"}, status="done_for_day", time_in_force="gtc"),
    order("stopped: a price is guaranteed", STREAM_PAGE, {"left": "40"}, status="stopped"),
    order("suspended", STREAM_PAGE, {"left": "40"}, status="suspended"),
    order(
        "a trade was busted: the shares are gone, status and price stay",
        EVENTS_PAGE,
        {**_OVER, "filled": "0", "average_price": "10.24"},
        status="filled",
        filled_qty="0",
        filled_avg_price="10.24",
        filled_at="2026-11-23T15:00:02Z",
    ),
    order("not submitted yet", DESCRIPTION, {"submitted_at": None}, submitted_at=None, updated_at=None),
    order("a stop", DESCRIPTION, {"side": -1}, **_STOP),
    order("a stop with a limit", DESCRIPTION, {"side": -1}, **{**_STOP, **_LIMIT, "type": "stop_limit"}),
    order(
        "a trailing stop",
        DESCRIPTION,
        {"side": -1},
        **{**_STOP, "type": "trailing_stop", "trail_percent": "1.5", "hwm": "10.60", "stop_price": "10.441"},
    ),
    order(
        "a bracket, its stop leg held",
        ORDERS_PAGE,
        {"left": "40"},
        order_class="bracket",
        legs=[{**ORDER, **_LIMIT, "id": ASSET, "side": "sell", "order_class": "bracket"}, _STOP_LEG],
    ),
    Shape(
        "the held leg of a bracket", ORDERS_PAGE, _STOP_LEG, {"is_working": True, "side": -1, "left": "40"}
    ),
    order(
        "one cancels the other", ORDERS_PAGE, {"side": -1}, **{**_LIMIT, "side": "sell", "order_class": "oco"}
    ),
    order(
        "one triggers the other",
        ORDERS_PAGE,
        {},
        order_class="oto",
        legs=[{**_STOP_LEG, "order_class": "oto"}],
    ),
    order("of several legs", DESCRIPTION, {"side": 0, "symbol": ""}, **{**_NO_ASSET, "order_class": "mleg"}),
    order("an option", DESCRIPTION, {}, symbol="ACME270115C00010000", asset_class="us_option"),
    order(
        "crypto, under its name with a slash",
        DESCRIPTION,
        {"symbol": "BTC/USD"},
        symbol="BTC/USD",
        qty="0.000000001",
    ),
    order("a class of assets that is new", DESCRIPTION, {}, asset_class="treasury"),
    order("in a status that is new", DESCRIPTION, {"left": "40"}, status="pending_review"),
    order(
        "with fields that are new", STREAM_PAGE, {}, cancel_requested_at=None, commission=1.25, subtag=None
    ),
]

POSITION: Row = {
    "asset_id": ASSET,
    "symbol": "ACME",
    "exchange": "NASDAQ",
    "asset_class": "us_equity",
    "asset_marginable": True,
    "qty": "40",
    "qty_available": "25",
    "avg_entry_price": "10.2433333333333333",
    "side": "long",
    "market_value": "412.4",
    "cost_basis": "409.733333333333332",
    "unrealized_pl": "2.666666666666668",
    "unrealized_plpc": "0.0065082981",
    "unrealized_intraday_pl": "2.666666666666668",
    "unrealized_intraday_plpc": "0.0065082981",
    "current_price": "10.31",
    "lastday_price": "10.1",
    "change_today": "0.0207920792",
}
_NO_PRICE = dict.fromkeys(("current_price", "market_value", "unrealized_pl", "lastday_price", "change_today"))

POSITIONS = [
    Shape(
        "long", DESCRIPTION, POSITION, {"shares": "40", "available": "25", "open_pnl": "2.666666666666668"}
    ),
    Shape(
        "short, its quantity negative",
        DESCRIPTION,
        {**POSITION, "side": "short", "qty": "-40", "qty_available": "-40", "market_value": "-412.4"},
        {"shares": "-40", "available": "-40", "market_value": "-412.4"},
    ),
    Shape(
        "a leftover that cannot be sold",
        "github.com/alpacahq/Alpaca-API issue 119",
        {**POSITION, "symbol": "BTCUSD", "asset_class": "crypto", "exchange": "CRYPTO", "qty": "0.000000001"},
        {"shares": "0.000000001", "asset_class": "crypto"},
    ),
    Shape(
        "without a price", DESCRIPTION, {**POSITION, **_NO_PRICE}, {"current_price": None, "open_pnl": None}
    ),
    Shape("all of it held by orders", DESCRIPTION, {**POSITION, "qty_available": "0"}, {"available": "0"}),
]

FILL: Row = {
    "id": "20261123150002024::3f1c8e1c-0000-4000-8000-00000000000b",
    "activity_type": "FILL",
    "transaction_time": "2026-11-23T15:00:02.024916Z",
    "type": "partial_fill",
    "price": "10.24",
    "qty": "15",
    "side": "buy",
    "symbol": "ACME",
    "leaves_qty": "25",
    "order_id": FIRST,
    "cum_qty": "15",
    "order_status": "partially_filled",
}

FILLS = [
    Shape("a part", DESCRIPTION, FILL, {"shares": "15", "price": "10.24", "order_id": FIRST}),
    Shape(
        "the last part of a sale", DESCRIPTION, {**FILL, "type": "fill", "side": "sell"}, {"shares": "-15"}
    ),
    Shape("a short sale", DESCRIPTION, {**FILL, "side": "sell_short"}, {"shares": "-15"}),
    Shape(
        "without a fraction of a second", DESCRIPTION, {**FILL, "transaction_time": "2026-11-23T15:00:02Z"}
    ),
]

#: Activities that are no fills. None may be booked as one.
OTHER_ACTIVITIES: list[Row] = [
    {
        "id": "20261123000000000::a",
        "activity_type": "DIV",
        "date": "2026-11-23",
        "net_amount": "1.02",
        "symbol": "ACME",
    },
    {
        "id": "20261123000000000::b",
        "activity_type": "SPLIT",
        "date": "2026-11-23",
        "qty": "40",
        "symbol": "ACME",
    },
    {"id": "20261123000000000::c", "activity_type": "FEE", "date": "2026-11-23", "net_amount": "-0.02"},
    {**FILL, "type": "trade_bust"},
    {**FILL, "type": "trade_correct"},
]
