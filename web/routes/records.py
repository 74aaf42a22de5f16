"""What the bot did: trades, daily statistics and reconciliation reports, newest first."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from bot.queries import lists
from bot.states import Mode
from web.auth import scheme
from web.http import paging
from web.http.openapi import READ_RESPONSES
from web.schemas.requests import ReconciliationsQuery, StatsQuery, TradesQuery
from web.schemas.responses import DailyStatsPage, ReconciliationPage, TradePage
from web.services import services

blueprint = APIBlueprint("records", __name__, tag="Records")


@blueprint.get("/trades")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.input(TradesQuery, location="query")
@blueprint.output(TradePage)
@blueprint.doc(summary="Trades, the newest first", responses=READ_RESPONSES)
def trades(query_data: TradesQuery) -> Any:
    query = lists.trades(
        before=paging.decode(query_data.cursor, datetime.fromisoformat, UUID),
        statuses=query_data.status,
        symbol=query_data.symbol,
    )
    return paging.page(_rows(query, query_data.limit), query_data.limit, lambda row: (row.created_at, row.id))


@blueprint.get("/stats/daily")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.input(StatsQuery, location="query")
@blueprint.output(DailyStatsPage)
@blueprint.doc(summary="Statistics of each trading day and mode, the last first", responses=READ_RESPONSES)
def daily_stats(query_data: StatsQuery) -> Any:
    query = lists.daily_stats(
        before=paging.decode(query_data.cursor, date.fromisoformat, Mode),
        modes=query_data.mode,
        since=query_data.since,
        until=query_data.until,
    )
    return paging.page(_rows(query, query_data.limit), query_data.limit, lambda row: (row.date, row.mode))


@blueprint.get("/reconciliations")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.input(ReconciliationsQuery, location="query")
@blueprint.output(ReconciliationPage)
@blueprint.doc(summary="Reports of every reconciliation, the newest first", responses=READ_RESPONSES)
def reconciliations(query_data: ReconciliationsQuery) -> Any:
    before = paging.decode(query_data.cursor, paging.bigint)
    query = lists.reconciliations(
        before_id=before[0] if before else None,
        outcomes=query_data.outcome,
        triggers=query_data.trigger,
        verdicts=query_data.verdict,
    )
    return paging.page(_rows(query, query_data.limit), query_data.limit, lambda row: (row.id,))


def _rows(query: Any, limit: int) -> Any:
    return services().lists.read(lambda session: session.scalars(query.limit(limit + 1)).all())
