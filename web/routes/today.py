"""Today: P&L minute by minute, and the states that the bot was in. Days are those of New York."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from apiflask import APIBlueprint
from sqlalchemy.orm import Session

from bot import market_hours
from bot.queries import today as queries
from web.auth import scheme
from web.http.openapi import READ_RESPONSES
from web.schemas.today import IntradayOut, StatesOut
from web.services import services

blueprint = APIBlueprint("today", __name__, tag="Records")


@blueprint.get("/stats/intraday")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output(IntradayOut)
@blueprint.doc(summary="Today's realized P&L in the present mode, minute by minute", responses=READ_RESPONSES)
def intraday() -> Any:
    def read(session: Session) -> dict[str, Any]:
        today, begins, ends, now = queries.day(session)
        total, points = Decimal(0), []
        mode, limit = queries.mode_and_loss_limit(session)
        for minute in queries.minutes(session, mode, begins, ends):
            total += minute.pnl
            points.append({"at": minute.at, "pnl": minute.pnl, "trades": minute.trades, "cumulative": total})
        day = _day(today, begins, ends, now)
        return {**day, "mode": mode, "loss_limit_usd": limit, "points": points}

    return services().lists.read(read)


@blueprint.get("/states")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output(StatesOut)
@blueprint.doc(summary="The states that the bot was in today", responses=READ_RESPONSES)
def states() -> Any:
    def read(session: Session) -> dict[str, Any]:
        today, begins, ends, now = queries.day(session)
        items = [
            {
                "state": stretch.state,
                "killed": stretch.killed,
                "mode": stretch.mode,
                "began_at": stretch.began_at,
                "ended_at": stretch.ended_at,
                "kind": stretch.command.kind if stretch.command else None,
                "actor": stretch.command.actor if stretch.command else None,
            }
            for stretch in queries.states(session, begins, now)
        ]
        return {**_day(today, begins, ends, now), "items": items}

    return services().lists.read(read)


def _day(today: date, begins: datetime, ends: datetime, now: datetime) -> dict[str, Any]:
    opens, closes = market_hours.session(today, services().settings.closures) or (None, None)
    return {
        "date": today,
        "begins_at": begins,
        "ends_at": ends,
        "opens_at": opens and opens.astimezone(UTC),
        "closes_at": closes and closes.astimezone(UTC),
        "as_of": now,
    }
