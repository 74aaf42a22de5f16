"""Stores the last reading of an account: for display, and for the gate."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.broker.readings import Account, Position
from bot.models import BotBrokerReading
from bot.reconciliation.evidence import Reading

#: If there are more positions than this, only their total value is stored.
MOST_POSITIONS = 1000


def keep(session: Session, reading: Reading) -> None:
    """Replace the last reading of the mode by *reading*."""
    positions = list(reading.positions.values())
    values = {
        "read_at": reading.read_at,
        "account": _account(reading.account),
        "positions": [_position(each) for each in positions] if len(positions) <= MOST_POSITIONS else None,
        "open_pnl": open_pnl(reading),
        "market_open": reading.clock.is_open,
        "next_open": reading.clock.next_open,
        "next_close": reading.clock.next_close,
    }
    session.execute(
        insert(BotBrokerReading)
        .values(mode=reading.mode, **values)
        .on_conflict_do_update(index_elements=[BotBrokerReading.mode], set_=values)
    )


def _account(account: Account) -> dict[str, Any]:
    return {
        "status": account.status,
        "equity": _text(account.equity),
        "lastEquity": _text(account.last_equity),
        "buyingPower": _text(account.buying_power),
        "cash": _text(account.cash),
        "blocks": list(account.blocks),
    }


def _position(position: Position) -> dict[str, Any]:
    return {
        "symbol": position.symbol,
        "assetId": position.asset_id,
        "shares": _text(position.shares),
        "avgEntryPrice": _text(position.avg_entry_price),
        "currentPrice": _text(position.current_price),
        "marketValue": _text(position.market_value),
        "openPnl": _text(position.open_pnl),
    }


def open_pnl(reading: Reading) -> Decimal | None:
    """The unrealized profit of all positions but the ignored ones, in US dollars; None if the broker had no price for one."""
    ignored = {each.symbol for each in reading.local.ignored}
    profits = [each.open_pnl for each in reading.positions.values() if each.symbol not in ignored]
    return None if None in profits else sum((each for each in profits if each is not None), Decimal(0))


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
