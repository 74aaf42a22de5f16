"""Positions at the broker and in the books, and the account, as of the last reading."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from apiflask import APIBlueprint

from bot.queries import account as queries
from web.auth import scheme
from web.http.openapi import READ_RESPONSES
from web.schemas.account import AccountOut, PositionsOut
from web.services import services

blueprint = APIBlueprint("account", __name__, tag="Account")


@blueprint.get("/positions")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output(PositionsOut)
@blueprint.doc(summary="Positions at the broker and in the books, symbol by symbol", responses=READ_RESPONSES)
def positions() -> Any:
    read_at, items = services().database.read(queries.holdings)
    return {"read_at": read_at, "items": items}


@blueprint.get("/account")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output(AccountOut)
@blueprint.doc(
    summary="The account of the present mode, as last read at the broker", responses=READ_RESPONSES
)
def account() -> Any:
    last = services().database.read(queries.reading)
    if last is None:
        return AccountOut()
    said = last.account
    equity, before = Decimal(said["equity"]), Decimal(said["lastEquity"])
    return AccountOut(
        read_at=last.read_at,
        status=said["status"],
        equity=equity,
        last_equity=before,
        buying_power=Decimal(said["buyingPower"]),
        day_change=equity - before,
        blocks=said["blocks"],
    )
