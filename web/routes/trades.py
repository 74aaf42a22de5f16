"""The ledger, for programs in any language: one POST for each step of a trade's life."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from sqlalchemy.orm import Session

from bot.queries import lists
from bot.trading import ledger, trade_requests
from bot.trading.idempotency import IdempotencyKey
from bot.trading.ledger import Ledger
from web.auth import scheme
from web.http import paging
from web.http.json_request import idempotency_key
from web.http.openapi import NOT_FOUND_RESPONSE, READ_RESPONSES, TRADE_RESPONSES
from web.schemas.requests import Page
from web.schemas.responses import TradeEventPage, TradeOut
from web.services import services

blueprint = APIBlueprint("trades", __name__, tag="Trades")

_ONE = {**TRADE_RESPONSES, **NOT_FOUND_RESPONSE}


@blueprint.get("/trades/<uuid:trade_id>")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output(TradeOut)
@blueprint.doc(summary="One trade", responses={**READ_RESPONSES, **NOT_FOUND_RESPONSE})
def trade(trade_id: UUID) -> Any:
    return services().database.read(lambda session: ledger.get(session, trade_id))


@blueprint.post("/trades")
@blueprint.auth_required(scheme.scheme, roles=scheme.RECORDERS)
@blueprint.input(trade_requests.OpenTrade)
@blueprint.output(TradeOut, status_code=201)
@blueprint.doc(
    summary="Open a trade, if the gate is open: before its order is sent, or after it filled",
    responses=TRADE_RESPONSES,
)
def open_trade(json_data: trade_requests.OpenTrade) -> Any:
    opened = _ledger().open_trade(**_said(json_data))
    return opened, 201, {"Location": f"/api/bot/trades/{opened.id}"}


@blueprint.post("/trades/<uuid:trade_id>/entry")
@blueprint.auth_required(scheme.scheme, roles=scheme.RECORDERS)
@blueprint.input(trade_requests.RecordEntry)
@blueprint.output(TradeOut)
@blueprint.doc(
    summary="Record a trade's entry order and its fill; the gate is not asked",
    responses=_ONE,
)
def record_entry(trade_id: UUID, json_data: trade_requests.RecordEntry) -> Any:
    return _ledger().record_entry(trade_id, **_said(json_data))


@blueprint.post("/trades/<uuid:trade_id>/void")
@blueprint.auth_required(scheme.scheme, roles=scheme.RECORDERS)
@blueprint.input(trade_requests.VoidTrade)
@blueprint.output(TradeOut)
@blueprint.doc(summary="Make a trade void whose entry order never filled", responses=_ONE)
def void_trade(trade_id: UUID, json_data: trade_requests.VoidTrade) -> Any:
    return _ledger().void_trade(trade_id, **_said(json_data))


@blueprint.post("/trades/<uuid:trade_id>/exit-reason")
@blueprint.auth_required(scheme.scheme, roles=scheme.RECORDERS)
@blueprint.input(trade_requests.MarkExitReason)
@blueprint.output(TradeOut)
@blueprint.doc(summary="Mark why an open trade is about to be exited", responses=_ONE)
def mark_exit_reason(trade_id: UUID, json_data: trade_requests.MarkExitReason) -> Any:
    return _ledger().mark_exit_reason(trade_id, **_said(json_data))


@blueprint.post("/trades/<uuid:trade_id>/close")
@blueprint.auth_required(scheme.scheme, roles=scheme.RECORDERS)
@blueprint.input(trade_requests.CloseTrade)
@blueprint.output(TradeOut)
@blueprint.doc(
    summary="Close a trade: books its profit and the day's statistics; allowed in every state of the bot",
    responses=_ONE,
)
def close_trade(trade_id: UUID, json_data: trade_requests.CloseTrade) -> Any:
    return _ledger().close_trade(trade_id, **_said(json_data))


@blueprint.post("/trades/<uuid:trade_id>/exits")
@blueprint.auth_required(scheme.scheme, roles=scheme.RECORDERS)
@blueprint.input(trade_requests.RecordExit)
@blueprint.output(TradeOut)
@blueprint.doc(
    summary="Record a fill, or a part of a fill, of an exit; the trade is closed when its exits add up to its shares",
    responses=_ONE,
)
def record_exit(trade_id: UUID, json_data: trade_requests.RecordExit) -> Any:
    return _ledger().record_exit(trade_id, **_said(json_data))


@blueprint.patch("/trades/<uuid:trade_id>")
@blueprint.auth_required(scheme.scheme, roles=scheme.OPERATORS)
@blueprint.input(trade_requests.CorrectTrade)
@blueprint.output(TradeOut)
@blueprint.doc(
    summary="Correct how a closed trade ended; the statistics of its dates change by the difference",
    responses=_ONE,
)
def correct_trade(trade_id: UUID, json_data: trade_requests.CorrectTrade) -> Any:
    return _ledger().correct_trade(trade_id, **_said(json_data))


@blueprint.get("/trades/<uuid:trade_id>/events")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.input(Page, location="query")
@blueprint.output(TradeEventPage)
@blueprint.doc(
    summary="What changed on a trade, by whom and why, the newest first",
    responses={**READ_RESPONSES, **NOT_FOUND_RESPONSE},
)
def trade_events(trade_id: UUID, query_data: Page) -> Any:
    query = lists.trade_events(trade_id, before_id=paging.decode_number(query_data.cursor))

    def read(session: Session) -> Any:
        rows = session.scalars(query.limit(query_data.limit + 1)).all()
        if not rows:
            ledger.get(session, trade_id)
        return rows

    return paging.page(services().database.read(read), query_data.limit, lambda row: (row.id,))


def _ledger() -> Ledger:
    return Ledger(services().database, services().settings, actor=scheme.actor().name)


def _said(body: trade_requests.TradeRequest) -> dict[str, Any]:
    """The fields of the request and its Idempotency-Key, as the ledger takes them."""
    key = idempotency_key()
    return {
        **body.model_dump(exclude_none=True),
        "once": IdempotencyKey(scheme.actor().name, key) if key else None,
    }
