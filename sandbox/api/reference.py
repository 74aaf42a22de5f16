"""What is the same for all accounts: clock, calendar and assets."""

from __future__ import annotations

from datetime import date, datetime

from flask import Blueprint, Response, request

from sandbox.account import Account
from sandbox.answers import AccountCall, answer
from sandbox.calendar import FIRST, LAST, calendar_rows
from sandbox.errors import invalid
from sandbox.market import Market


def add_routes(blueprint: Blueprint, account_call: AccountCall, market: Market) -> None:
    """Add them."""

    @blueprint.get("/clock")
    @account_call
    def get_clock(_: Account) -> Response:
        return answer(market.venue.clock.row())

    @blueprint.get("/calendar")
    @account_call
    def get_calendar(_: Account) -> Response:
        return answer(calendar_rows(_asked_day("start", FIRST), _asked_day("end", LAST)))

    @blueprint.get("/assets")
    @account_call
    def list_assets(_: Account) -> Response:
        rows = market.venue.assets.rows(market.symbols())
        status = request.args.get("status")
        return answer([row for row in rows if status in (None, row["status"])])

    @blueprint.get("/assets/<path:symbol>")
    @account_call
    def get_asset(_: Account, symbol: str) -> Response:
        return answer(market.venue.assets.row(symbol))


def _asked_day(name: str, default: date) -> date:
    value = request.args.get(name)
    try:
        return default if value is None else datetime.fromisoformat(value).date()
    except ValueError:
        raise invalid(f"{name} is not a valid date") from None
