"""Updates of orders in the shapes in which Alpaca's stream ``trade_updates`` sends them, as in ``shapes.py``.

Pitboss reads no stream, but executors do, and an update has the order in it: what an executor tells Pitboss is this order.
"""

from __future__ import annotations

from typing import Any

from tests.bot.broker.shapes import FIRST, ORDER, SECOND, STREAM_PAGE, Row, Shape

_AT = {"timestamp": "2026-11-23T15:00:02.024916716Z"}
_PART: Row = {"status": "partially_filled", "filled_qty": "15", "filled_avg_price": "10.24"}
_ALL: Row = {"status": "filled", "filled_qty": "40", "filled_avg_price": "10.2433333333333333"}
_OVER: Row = {"is_working": False, "left": "0"}


def update(event: str, means: Row, fields: Row | None = None, **changes: Any) -> Shape:
    """The *event* with *fields* beside the order, and what this order, with its *changes*, means."""
    return Shape(
        event,
        STREAM_PAGE,
        {"event": event, **(_AT if fields is None else fields), "order": {**ORDER, **changes}},
        {"id": FIRST, "is_working": True, **means},
    )


def _traded(execution: str, qty: str, price: str, position_qty: str) -> Row:
    return {**_AT, "execution_id": execution, "qty": qty, "price": price, "position_qty": position_qty}


UPDATES = [
    update("new", {"left": "40"}, {"execution_id": SECOND, **_AT}, status="new"),
    update(
        "partial_fill",
        {"filled": "15", "left": "25", "average_price": "10.24"},
        _traded("2f63ea93-0000-4000-8000-000000000001", "15", "10.24", "15"),
        **_PART,
    ),
    update(
        "fill",
        {**_OVER, "filled": "40", "average_price": "10.2433333333333333"},
        _traded("2f63ea93-0000-4000-8000-000000000002", "25", "10.245333333", "40"),
        **_ALL,
    ),
    update("canceled", {**_OVER, "filled": "15"}, **{**_PART, "status": "canceled"}),
    update("expired", _OVER, status="expired", expired_at="2026-11-23T21:00:00Z"),
    update("done_for_day", {"left": "25"}, **{**_PART, "status": "done_for_day"}),
    update(
        "replaced",
        {**_OVER, "replaced_by": SECOND},
        status="replaced",
        replaced_by=SECOND,
        replaced_at="2026-11-23T15:05:00Z",
    ),
    update("rejected", _OVER, status="rejected", failed_at="2026-11-23T15:00:02Z"),
    update("pending_new", {"left": "40"}, status="pending_new"),
    update("stopped", {"left": "40"}, status="stopped"),
    update("pending_cancel", {"left": "40"}, status="pending_cancel"),
    update("pending_replace", {"left": "40"}, status="pending_replace"),
    update("calculated", {"left": "25"}, **{**_PART, "status": "calculated"}),
    update("suspended", {"left": "40"}, status="suspended"),
    update("order_replace_rejected", {"left": "40"}, status="new"),
    update("order_cancel_rejected", {"left": "40"}, status="new"),
]
