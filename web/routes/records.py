"""What the bot did: trades, daily statistics and reconciliation reports, newest first."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from sqlalchemy import select, tuple_

from bot.models import BotDailyStats, BotReconciliation, BotTrade
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
    query = select(BotTrade).order_by(BotTrade.created_at.desc(), BotTrade.id.desc())
    if before := paging.decode(query_data.cursor, datetime.fromisoformat, UUID):
        query = query.where(tuple_(BotTrade.created_at, BotTrade.id) < tuple_(*before))
    if query_data.status:
        query = query.where(BotTrade.status.in_(query_data.status))
    if query_data.symbol is not None:
        query = query.where(BotTrade.symbol == query_data.symbol.upper())
    return paging.page(_rows(query, query_data.limit), query_data.limit, lambda row: (row.created_at, row.id))


@blueprint.get("/stats/daily")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.input(StatsQuery, location="query")
@blueprint.output(DailyStatsPage)
@blueprint.doc(summary="Statistics of each trading day and mode, the last first", responses=READ_RESPONSES)
def daily_stats(query_data: StatsQuery) -> Any:
    query = select(BotDailyStats).order_by(BotDailyStats.date.desc(), BotDailyStats.mode.desc())
    if before := paging.decode(query_data.cursor, date.fromisoformat, Mode):
        query = query.where(tuple_(BotDailyStats.date, BotDailyStats.mode) < tuple_(*before))
    if query_data.mode:
        query = query.where(BotDailyStats.mode.in_(query_data.mode))
    if query_data.since is not None:
        query = query.where(BotDailyStats.date >= query_data.since)
    if query_data.until is not None:
        query = query.where(BotDailyStats.date <= query_data.until)
    return paging.page(_rows(query, query_data.limit), query_data.limit, lambda row: (row.date, row.mode))


@blueprint.get("/reconciliations")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.input(ReconciliationsQuery, location="query")
@blueprint.output(ReconciliationPage)
@blueprint.doc(summary="Reports of every reconciliation, the newest first", responses=READ_RESPONSES)
def reconciliations(query_data: ReconciliationsQuery) -> Any:
    query = select(BotReconciliation).order_by(BotReconciliation.id.desc())
    if before := paging.decode(query_data.cursor, paging.bigint):
        query = query.where(BotReconciliation.id < before[0])
    if query_data.outcome:
        query = query.where(BotReconciliation.outcome.in_(query_data.outcome))
    if query_data.trigger:
        query = query.where(BotReconciliation.trigger.in_(query_data.trigger))
    return paging.page(_rows(query, query_data.limit), query_data.limit, lambda row: (row.id,))


def _rows(query: Any, limit: int) -> Any:
    return services().lists.read(lambda session: session.scalars(query.limit(limit + 1)).all())
