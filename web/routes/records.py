"""What the bot did: trades, daily statistics and reconciliation reports, newest first."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from bot.queries import lists
from bot.queries.trade_statistics import statistics
from bot.states import Mode
from web.auth import scheme
from web.http import listing, paging
from web.http.openapi import READ_RESPONSES
from web.schemas.requests import (
    ReconciliationsQuery,
    StatsQuery,
    TradeFilterQuery,
    TradesQuery,
)
from web.schemas.responses import (
    DailyStatsOut,
    DailyStatsPage,
    ReconciliationOut,
    ReconciliationPage,
    TradeOut,
    TradePage,
)
from web.schemas.trade_statistics import TradeStatisticsOut
from web.services import services

blueprint = APIBlueprint("records", __name__, tag="Records")


@blueprint.get("/trades")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.input(TradesQuery, location="query")
@blueprint.output(TradePage)
@blueprint.doc(summary="Trades, the newest first", responses=READ_RESPONSES)
def trades(query_data: TradesQuery) -> Any:
    query = lists.trades(
        before=paging.decode(query_data.cursor, datetime.fromisoformat, UUID), which=query_data.which()
    )
    return listing.answer(
        services().lists,
        query,
        query_data,
        name="trades",
        shape=TradeOut,
        position=lambda row: (row.created_at, row.id),
    )


@blueprint.get("/stats/trades")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.input(TradeFilterQuery, location="query")
@blueprint.output(TradeStatisticsOut)
@blueprint.doc(
    summary="How closed trades ended: win rate, profit factor, expectancy, by tier, exit reason and catalyst",
    responses=READ_RESPONSES,
)
def trade_statistics(query_data: TradeFilterQuery) -> Any:
    min_win_rate, items = services().lists.read(lambda session: statistics(session, query_data.which()))
    return {"min_win_rate": min_win_rate, "items": items}


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
    return listing.answer(
        services().lists,
        query,
        query_data,
        name="days",
        shape=DailyStatsOut,
        position=lambda row: (row.date, row.mode),
    )


@blueprint.get("/reconciliations")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.input(ReconciliationsQuery, location="query")
@blueprint.output(ReconciliationPage)
@blueprint.doc(summary="Reports of every reconciliation, the newest first", responses=READ_RESPONSES)
def reconciliations(query_data: ReconciliationsQuery) -> Any:
    query = lists.reconciliations(
        before_id=paging.decode_number(query_data.cursor),
        outcomes=query_data.outcome,
        triggers=query_data.trigger,
        verdicts=query_data.verdict,
        since=query_data.since,
        until=query_data.until,
    )
    return listing.answer(
        services().lists,
        query,
        query_data,
        name="reconciliations",
        shape=ReconciliationOut,
        position=lambda row: (row.id,),
    )
