"""The account, its settings and its activities."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Blueprint, Response, request

from sandbox.account import Account
from sandbox.answers import AccountCall, answer, asked_descending, asked_size, asked_time
from sandbox.errors import invalid, malformed
from sandbox.fills import Fill
from sandbox.times import NEW_YORK

_PAGE = 100
_SETTINGS: dict[str, tuple[Any, ...]] = {
    "trade_confirm_email": ("all", "none"),
    "suspend_trade": (True, False),
    "no_shorting": (True, False),
    "fractional_trading": (True, False),
    "max_margin_multiplier": ("1", "2", "4"),
    "max_options_trading_level": (0, 1, 2, 3),
    "ptp_no_exception_entry": (True, False),
    "disable_overnight_trading": (True, False),
}


def add_routes(blueprint: Blueprint, account_call: AccountCall) -> None:
    """Add them."""

    @blueprint.get("/account")
    @account_call
    def get_account(account: Account) -> Response:
        return answer(account.row())

    @blueprint.get("/account/configurations")
    @account_call
    def get_configurations(account: Account) -> Response:
        return answer(account.configuration_row())

    @blueprint.patch("/account/configurations")
    @account_call
    def patch_configurations(account: Account) -> Response:
        body = request.get_json(force=True, silent=True)
        if not isinstance(body, dict):
            raise malformed()
        # Settings that are gone, such as pdt_check, are not an error: SDKs still send them, mostly as null.
        wanted = {name: body[name] for name in _SETTINGS if body.get(name) is not None}
        for name, value in wanted.items():
            if not any(type(value) is type(allowed) and value == allowed for allowed in _SETTINGS[name]):
                raise invalid(f"{name} is invalid")
        if "suspend_trade" in wanted:
            account.flags["trade_suspended_by_user"] = wanted.pop("suspend_trade")
        if "no_shorting" in wanted:
            account.flags["shorting_enabled"] = not wanted.pop("no_shorting")
        account.configuration.update(wanted)
        return answer(account.configuration_row())

    @blueprint.get("/account/activities")
    @account_call
    def list_activities(account: Account) -> Response:
        types = {name for text in request.args.getlist("activity_types") for name in text.split(",") if name}
        if (category := request.args.get("category")) is not None:
            if types:
                raise invalid("category and activity_types cannot be used together")
            types = {"FILL" if category == "trade_activity" else "other"}
        return answer(_activities(account, fills=not types or "FILL" in types))

    @blueprint.get("/account/activities/<kind>")
    @account_call
    def list_activities_of(account: Account, kind: str) -> Response:
        return answer(_activities(account, fills=kind == "FILL"))


def _activities(account: Account, *, fills: bool) -> list[dict[str, Any]]:
    """The page that the query asks for. Fills are the only activities that are simulated."""
    size = asked_size("page_size", _PAGE, _PAGE)
    after, until, day = asked_time("after"), asked_time("until"), _asked_day()
    order_id, token = request.args.get("order_id"), request.args.get("page_token")
    found = [
        fill
        for fill in account.books.fills
        if fills
        and fill.listed
        and (after is None or fill.at > after)
        and (until is None or fill.at < until)
        and (order_id is None or fill.order_id == order_id)
        and (day is None or datetime.fromtimestamp(fill.at, NEW_YORK).date() == day)
    ]
    found.sort(key=lambda fill: fill.at, reverse=asked_descending())
    return [fill.row() for fill in _behind(found, token)[:size]]


def _behind(fills: list[Fill], token: str | None) -> list[Fill]:
    """What comes behind the fill that the token names: the last one of the page before."""
    if not token:
        return fills
    for at, fill in enumerate(fills):
        if fill.id == token:
            return fills[at + 1 :]
    raise invalid("page_token is invalid")


def _asked_day() -> date | None:
    value = request.args.get("date")
    try:
        return None if value is None else date.fromisoformat(value[:10])
    except ValueError:
        raise invalid("date is not a valid date") from None
