"""The equity curve."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from apiflask import APIBlueprint
from sqlalchemy.orm import Session

from bot import market_hours
from bot.queries import equity as queries
from bot.queries import today
from web.auth import scheme
from web.http.openapi import READ_RESPONSES
from web.schemas.equity import EquityOut
from web.schemas.requests import EquityQuery
from web.services import services

blueprint = APIBlueprint("equity", __name__, tag="Records")


@blueprint.get("/stats/equity")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.input(EquityQuery, location="query")
@blueprint.output(EquityOut)
@blueprint.doc(
    summary="What the account was worth over time, with what was open; of one mode", responses=READ_RESPONSES
)
def equity(query_data: EquityQuery) -> Any:
    closures = services().settings.closures

    def read(session: Session) -> dict[str, Any]:
        last_day, _, _, now = today.day(session, query_data.until)
        since = query_data.since or last_day - min(queries.DAYS, last_day - last_day.min)
        mode = query_data.mode or today.mode_and_loss_limit(session)[0]
        begins, ends = market_hours.midnight(since), market_hours.midnight(market_hours.day_after(last_day))
        found = queries.curve(session, mode, begins, ends, closures)
        hours = [
            {"opens_at": opens.astimezone(UTC), "closes_at": closes.astimezone(UTC)}
            for opens, closes in found.sessions
        ]
        return {
            "mode": mode,
            "every_min": found.span.total_seconds() // 60,
            "points": found.points,
            "sessions": hours,
            "as_of": now,
        }

    return services().lists.read(read)
