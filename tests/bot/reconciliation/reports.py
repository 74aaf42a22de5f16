"""What a report of a reconciliation says, and an order that explains it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.reconciliation.evidence import Reading
from tests.bot.world import World


def difference(symbol: str, kind: str, here: Any, there: Any) -> dict[str, str]:
    return {"symbol": symbol, "kind": kind, "here": str(here), "there": str(there)}


def differences(report: Any) -> list[dict[str, str]]:
    """Without the trades that each names."""
    return [{name: each[name] for name in each if name != "tradeIds"} for each in report.differences]


def filled_long_ago(world: World, symbol: str, qty: Any = 10, **fields: Any) -> str:
    """An order that was filled when the trades of the tests were entered."""
    at = world.ago(120).isoformat()
    return world.paper.order(
        "filled",
        symbol,
        qty,
        filled_avg_price="10.25",
        created_at=at,
        submitted_at=at,
        filled_at=at,
        **fields,
    )


def reading(world: World[Any], **changes: Any) -> Reading:
    """What is read now, with *changes*, which a slow machine does not make too old to count."""
    found = world.gather()
    assert isinstance(found, Reading)
    return replace(found, **{"read_at": found.read_at + timedelta(minutes=1), **changes})


def waits_sec(world: World) -> float:
    """Seconds from the end of the last attempt until the next one is due."""
    (row,) = world.sql(
        "SELECT extract(epoch FROM reconcile_due_at - (SELECT max(finished_at) FROM bot_reconciliation)) AS wait"
        " FROM bot_config"
    )
    return float(row["wait"])
