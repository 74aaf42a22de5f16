"""The ledger, for programs in any language: one POST for each step of a trade's life."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from bot import fills, ledger
from bot.errors import TradeNotFound
from bot.ledger import Ledger
from bot.once import Once
from web import auth
from web.openapi import NOT_FOUND_RESPONSE, READ_RESPONSES, TRADE_RESPONSES
from web.request import idempotency_key
from web.schemas.answers import TradeOut
from web.services import services

blueprint = APIBlueprint("trades", __name__, tag="Trades")

_ONE = {**TRADE_RESPONSES, **NOT_FOUND_RESPONSE}


@blueprint.get("/trades/<uuid:trade_id>")
@blueprint.auth_required(auth.scheme, roles=auth.READERS)
@blueprint.output(TradeOut)
@blueprint.doc(summary="One trade", responses={**READ_RESPONSES, **NOT_FOUND_RESPONSE})
def trade(trade_id: UUID) -> Any:
    found = services().database.read(lambda session: ledger.find(session, trade_id))
    if found is None:
        raise TradeNotFound(f"There is no trade {trade_id}.")
    return found


@blueprint.post("/trades")
@blueprint.auth_required(auth.scheme, roles=auth.RECORDERS)
@blueprint.input(fills.Opening)
@blueprint.output(TradeOut, status_code=201)
@blueprint.doc(
    summary="Open a trade, if the gate is open: before its order is sent, or after it filled",
    responses=TRADE_RESPONSES,
)
def open_trade(json_data: fills.Opening) -> Any:
    opened = _ledger().open_trade(**_said(json_data))
    return opened, 201, {"Location": f"/api/bot/trades/{opened.id}"}


@blueprint.post("/trades/<uuid:trade_id>/entry")
@blueprint.auth_required(auth.scheme, roles=auth.RECORDERS)
@blueprint.input(fills.Entry)
@blueprint.output(TradeOut)
@blueprint.doc(
    summary="Record the order that enters a trade, and what of it filled; the gate is not asked",
    responses=_ONE,
)
def record_entry(trade_id: UUID, json_data: fills.Entry) -> Any:
    return _ledger().record_entry(trade_id, **_said(json_data))


@blueprint.post("/trades/<uuid:trade_id>/void")
@blueprint.auth_required(auth.scheme, roles=auth.RECORDERS)
@blueprint.input(fills.Withdrawal)
@blueprint.output(TradeOut)
@blueprint.doc(summary="Withdraw a trade whose entry order never filled", responses=_ONE)
def void_trade(trade_id: UUID, json_data: fills.Withdrawal) -> Any:
    return _ledger().void_trade(trade_id, **_said(json_data))


@blueprint.post("/trades/<uuid:trade_id>/exit-reason")
@blueprint.auth_required(auth.scheme, roles=auth.RECORDERS)
@blueprint.input(fills.Exiting)
@blueprint.output(TradeOut)
@blueprint.doc(summary="Mark why an open trade is about to be exited", responses=_ONE)
def mark_exit_reason(trade_id: UUID, json_data: fills.Exiting) -> Any:
    return _ledger().mark_exit_reason(trade_id, **_said(json_data))


@blueprint.post("/trades/<uuid:trade_id>/close")
@blueprint.auth_required(auth.scheme, roles=auth.RECORDERS)
@blueprint.input(fills.Exit)
@blueprint.output(TradeOut)
@blueprint.doc(
    summary="Close a trade: profit and the day's statistics; allowed in every state of the bot",
    responses=_ONE,
)
def close_trade(trade_id: UUID, json_data: fills.Exit) -> Any:
    return _ledger().close_trade(trade_id, **_said(json_data))


def _ledger() -> Ledger:
    return Ledger(services().database, services().settings)


def _said(body: fills.Said) -> dict[str, Any]:
    """What was said, and the request's Idempotency-Key, as the ledger takes them."""
    key = idempotency_key()
    return {**body.model_dump(exclude_none=True), "once": Once(auth.actor().name, key) if key else None}
