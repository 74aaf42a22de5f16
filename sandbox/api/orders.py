"""Placing, replacing, cancelling and finding orders."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from sandbox.account import Account
from sandbox.answers import AccountCall, answer, asked_descending, asked_flag, asked_size, asked_time
from sandbox.errors import ApiError, invalid, malformed
from sandbox.order_form import asked_changes, asked_order
from sandbox.orders import CLOSED, OPEN, Order
from sandbox.times import unix

_DEFAULT, _MOST = 50, 500
# A held leg of a bracket is not listed as open, although it works (alpaca-trade-api-python#322).
_STATUSES = {"open": OPEN - {"held"}, "closed": CLOSED | {"held"}, "all": OPEN | CLOSED}


def add_routes(blueprint: Blueprint, account_call: AccountCall) -> None:
    """Add them."""

    @blueprint.post("/orders")
    @account_call
    def place_order(account: Account) -> Response:
        order = asked_order(_body(), account.venue.assets)
        account.books.place(order)
        return answer(order.row())

    @blueprint.get("/orders")
    @account_call
    def list_orders(account: Account) -> Response:
        return answer([order.row() for order in _asked_orders(account)])

    @blueprint.delete("/orders")
    @account_call
    def cancel_all_orders(account: Account) -> Response:
        return answer(cancel_all(account), 207)

    @blueprint.get("/orders:by_client_order_id")
    @account_call
    def get_order_by_client_id(account: Account) -> Response:
        return answer(account.books.order_by_client_id(request.args.get("client_order_id", "")).row())

    @blueprint.get("/orders/<order_id>")
    @account_call
    def get_order(account: Account, order_id: str) -> Response:
        asked_flag("nested")  # orders of one leg look the same either way
        return answer(account.books.order(_checked_id(order_id)).row())

    @blueprint.patch("/orders/<order_id>")
    @account_call
    def replace_order(account: Account, order_id: str) -> Response:
        order = account.books.order(_checked_id(order_id))
        return answer(account.books.replace(order, asked_changes(_body())).row())

    @blueprint.delete("/orders/<order_id>")
    @account_call
    def cancel_order(account: Account, order_id: str) -> Response:
        account.books.cancel(account.books.order(_checked_id(order_id)))
        return Response(status=204)


def cancel_all(account: Account) -> list[dict[str, Any]]:
    """Cancel every working order: a row for each, 200, or 500 for one that can no longer be cancelled."""
    rows: list[dict[str, Any]] = []
    for order in account.books.working():
        try:
            account.books.cancel(order)
        except ApiError:
            rows.append({"id": order.id, "status": 500})
        else:
            rows.append({"id": order.id, "status": 200})
    return rows


def _asked_orders(account: Account) -> list[Order]:
    """The orders that the query asks for: open ones, newest first, 50 of them, unless it says otherwise."""
    status = request.args.get("status", "open")
    if status not in _STATUSES:
        raise invalid("status must be open, closed or all")
    limit, descending = asked_size("limit", _DEFAULT, _MOST), asked_descending()
    asked_flag("nested")
    side = request.args.get("side")
    symbols = set(filter(None, request.args.get("symbols", "").split(",")))
    after, until = asked_time("after"), asked_time("until")
    found = [
        order
        for order in _between_orders(account)
        if order.status in _STATUSES[status]
        and (side is None or order.side == side)
        and (not symbols or order.symbol in symbols)
        and (after is None or unix(order.sorting) > after)
        and (until is None or unix(order.sorting) < until)
    ]
    return (found[::-1] if descending else found)[:limit]


def _between_orders(account: Account) -> list[Order]:
    """The orders by their submission, oldest first, before or after the one that the query names."""
    before, after = request.args.get("before_order_id"), request.args.get("after_order_id")
    orders = sorted(account.books.orders.values(), key=lambda order: order.sorting)
    if before is None and after is None:
        return orders
    if (before and after) or "after" in request.args or "until" in request.args:
        raise invalid("before_order_id and after_order_id stand alone")
    at = orders.index(account.books.order(_checked_id(before or after or "")))
    return orders[:at] if before else orders[at + 1 :]


def _body() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise malformed()
    return body


def _checked_id(order_id: str) -> str:
    """The id in Alpaca's form, or Alpaca's 422 if it is not a UUID."""
    try:
        return str(UUID(order_id))
    except ValueError:
        raise invalid("order_id is missing") from None
