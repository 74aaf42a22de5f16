"""Events of trades: the fields that a change touched, as they were and as they are, by their names on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic.alias_generators import to_camel

from bot.booking.amounts import EXACT
from bot.booking.author import Author
from bot.models import BotTrade, BotTradeEvent, BotTradeExit, TradeEventKind

#: The columns of a trade that its events show.
TOLD = (
    *("symbol", "asset_id", "mode", "status", "filled", "shares", "exited_shares", "entry_price", "entry_at"),
    *("exit_price", "exit_at", "exit_reason", "pnl", "alpaca_order_id", "alpaca_exit_order_id"),
    *("adjusted_at", "acknowledged_at", "note"),
)


def told(trade: BotTrade) -> dict[str, Any]:
    """The trade as its events show it."""
    return {to_camel(name): plain(getattr(trade, name)) for name in TOLD}


def told_exit(exit_: BotTradeExit) -> dict[str, Any]:
    """An exit as events show it."""
    names = ("shares", "price", "at", "order_id", "fill_id", "pnl", "source")
    return {to_camel(name): plain(getattr(exit_, name)) for name in names}


def event(
    trade: BotTrade,
    kind: TradeEventKind,
    author: Author,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> BotTradeEvent | None:
    """The event of a change; None if nothing changed. Fields that are equal in *before* and *after* are left out."""
    changed = [name for name in after if name not in before or before[name] != after[name]]
    gone = [name for name in before if name not in after]
    if not changed and not gone:
        return None
    return BotTradeEvent(
        trade_id=trade.id,
        kind=kind,
        before={name: before[name] for name in [*changed, *gone] if name in before},
        after={name: after[name] for name in changed},
        actor=author.actor,
        reason=author.reason,
        command_id=author.command_id,
        request_key=author.request_key,
    )


def plain(value: Any) -> Any:
    """*value* for JSON: numbers as text, which is exact, and times in UTC."""
    if isinstance(value, Decimal):
        return f"{EXACT.normalize(value):f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value if value is None or isinstance(value, bool) else str(value)
