"""The part of Alpaca's trading API that is simulated.

It follows https://docs.alpaca.markets/reference (Trading API, v2).
Every call names its account with the headers APCA-API-KEY-ID and APCA-API-SECRET-KEY.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from functools import wraps
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, Response, g, request

from sandbox.account import Account
from sandbox.amounts import SHARE, ZERO, decimal
from sandbox.assets import asset_row
from sandbox.clock import clock_row
from sandbox.errors import ApiError, invalid, malformed, rate_limited
from sandbox.market import Market
from sandbox.orders import CLOSED, OPEN, Order, asked_order
from sandbox.positions import Position
from sandbox.rate_limit import RateLimit

_STATUSES = {"open": OPEN, "closed": CLOSED, "all": OPEN | CLOSED}


def answer(content: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(json.dumps(content, separators=(",", ":")), status, mimetype="application/json")


def api_blueprint(market: Market, rate_limit: RateLimit) -> Blueprint:
    """The routes under /v2."""
    blueprint = Blueprint("api", __name__, url_prefix="/v2")

    def account_call(view: Callable[..., Response]) -> Callable[..., Response]:
        """Give the view the caller's account, and the market to itself while it runs."""

        @wraps(view)
        def call(**arguments: str) -> Response:
            with market.lock:
                account = market.login(
                    request.headers.get("APCA-API-KEY-ID"), request.headers.get("APCA-API-SECRET-KEY")
                )
                allowed, g.rate_limit_headers = rate_limit.count(account.key)
                if not allowed:
                    raise rate_limited()
                if request.method != "GET":
                    market.changed()
                return view(account, **arguments)

        return call

    @blueprint.after_request
    def show_rate_limit(response: Response) -> Response:
        response.headers.update(g.get("rate_limit_headers", {}))
        return response

    @blueprint.get("/account")
    @account_call
    def get_account(account: Account) -> Response:
        return answer(account.row())

    @blueprint.get("/positions")
    @account_call
    def list_positions(account: Account) -> Response:
        return Response(account.positions_list(), mimetype="application/json")

    @blueprint.get("/positions/<path:symbol>")
    @account_call
    def get_position(account: Account, symbol: str) -> Response:
        return Response(account.position_text(account.position(symbol)), mimetype="application/json")

    @blueprint.delete("/positions/<path:symbol>")
    @account_call
    def close_position(account: Account, symbol: str) -> Response:
        position = account.position(symbol)
        order = _closing_order(position, _asked_shares(position))
        account.place(order, hold=market.hold_fills)
        return answer(order.row())

    @blueprint.delete("/positions")
    @account_call
    def close_all_positions(account: Account) -> Response:
        if _asked_flag("cancel_orders"):
            _cancel_all(account)
        return answer(
            [
                _close(account, position, hold=market.hold_fills)
                for position in list(account.positions.values())
            ],
            207,
        )

    @blueprint.post("/orders")
    @account_call
    def place_order(account: Account) -> Response:
        body = request.get_json(force=True, silent=True)
        if not isinstance(body, dict):
            raise malformed()
        order = asked_order(body)
        account.place(order, hold=market.hold_fills)
        return answer(order.row())

    @blueprint.get("/orders")
    @account_call
    def list_orders(account: Account) -> Response:
        return answer([order.row() for order in _asked_orders(account.orders.values())])

    @blueprint.delete("/orders")
    @account_call
    def cancel_all_orders(account: Account) -> Response:
        return answer(_cancel_all(account), 207)

    @blueprint.get("/orders:by_client_order_id")
    @account_call
    def get_order_by_client_id(account: Account) -> Response:
        return answer(account.order_by_client_id(request.args.get("client_order_id", "")).row())

    @blueprint.get("/orders/<order_id>")
    @account_call
    def get_order(account: Account, order_id: str) -> Response:
        return answer(account.order(_checked_id(order_id)).row())

    @blueprint.delete("/orders/<order_id>")
    @account_call
    def cancel_order(account: Account, order_id: str) -> Response:
        account.cancel(account.order(_checked_id(order_id)))
        return Response(status=204)

    @blueprint.get("/clock")
    @account_call
    def get_clock(_: Account) -> Response:
        return answer(clock_row(market.clock_is_open))

    @blueprint.get("/assets/<path:symbol>")
    @account_call
    def get_asset(_: Account, symbol: str) -> Response:
        return answer(asset_row(symbol))

    return blueprint


def _closing_order(position: Position, shares: Decimal) -> Order:
    return Order(
        id=str(uuid4()),
        client_order_id=str(uuid4()),
        symbol=position.symbol,
        side="sell" if position.qty > 0 else "buy",
        qty=shares,
    )


def _asked_shares(position: Position) -> Decimal:
    """The shares that ``qty`` or ``percentage`` of a close call name; all of them if there is neither."""
    qty, percentage = request.args.get("qty"), request.args.get("percentage")
    if qty is None and percentage is None:
        return abs(position.qty)
    if qty is not None and percentage is not None:
        raise invalid("only one of qty or percentage is accepted")
    try:
        number = decimal(qty if percentage is None else percentage)
    except ValueError:
        raise invalid("qty or percentage is invalid") from None
    if percentage is not None:
        if not 0 < number <= 100:
            raise invalid("percentage must be between 0 and 100")
        number = (abs(position.qty) * number / 100).quantize(SHARE, ROUND_DOWN)
    if number <= ZERO:
        raise invalid("qty must be > 0")
    return number


def _close(account: Account, position: Position, *, hold: bool) -> dict[str, Any]:
    """Close one of all positions: a refusal stands in its row and does not stop the others."""
    order = _closing_order(position, abs(position.qty))
    try:
        account.place(order, hold=hold)
    except ApiError as error:
        return {"symbol": position.symbol, "status": error.status, "body": error.body()}
    return {"symbol": position.symbol, "status": 200, "body": order.row()}


def _cancel_all(account: Account) -> list[dict[str, Any]]:
    rows = []
    for order in account.working_orders():
        try:
            account.cancel(order)
        except ApiError as error:
            rows.append({"id": order.id, "status": error.status, "body": error.body()})
        else:
            rows.append({"id": order.id, "status": 200})
    return rows


def _asked_orders(orders: Iterable[Order]) -> list[Order]:
    """The orders that the query asks for: open ones, newest first, 50 of them, unless it says otherwise."""
    status = request.args.get("status", "open")
    if status not in _STATUSES:
        raise invalid("status must be open, closed or all")
    limit = request.args.get("limit", 50, type=int)
    if not 0 < limit <= 500:
        raise invalid("limit must be between 1 and 500")
    direction = request.args.get("direction", "desc")
    if direction not in ("asc", "desc"):
        raise invalid("direction must be asc or desc")
    side = request.args.get("side")
    symbols = set(filter(None, request.args.get("symbols", "").split(",")))
    after, until = _asked_time("after"), _asked_time("until")
    found = [
        order
        for order in orders
        if order.status in _STATUSES[status]
        and (side is None or order.side == side)
        and (not symbols or order.symbol in symbols)
        and (after is None or _time(order.created_at) > after)
        and (until is None or _time(order.created_at) < until)
    ]
    # The books are kept in the order of submission.
    return (found if direction == "asc" else found[::-1])[:limit]


def _asked_time(name: str) -> datetime | None:
    value = request.args.get(name)
    try:
        return None if value is None else _time(value)
    except ValueError:
        raise invalid(f"{name} is not a valid timestamp") from None


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _asked_flag(name: str) -> bool:
    value = request.args.get(name, "false").lower()
    if value not in ("true", "false"):
        raise invalid(f"{name} must be true or false")
    return value == "true"


def _checked_id(order_id: str) -> str:
    """The id as Alpaca keeps it, or its 422 for one that is no UUID."""
    try:
        return str(UUID(order_id))
    except ValueError:
        raise invalid("order_id is missing") from None
