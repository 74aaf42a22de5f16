"""What is held, and closing it."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, request

from sandbox.account import Account
from sandbox.amounts import SHARE, decimal
from sandbox.answers import AccountCall, answer, asked_flag
from sandbox.api.orders import cancel_all
from sandbox.errors import ApiError, invalid, refused
from sandbox.orders import Order
from sandbox.positions import Position


def add_routes(blueprint: Blueprint, account_call: AccountCall) -> None:
    """Add them."""

    @blueprint.get("/positions")
    @account_call
    def list_positions(account: Account) -> Response:
        return Response(account.positions_list(), mimetype="application/json")

    @blueprint.get("/positions/<path:symbol>")
    @account_call
    def get_position(account: Account, symbol: str) -> Response:
        position = account.position(symbol, lagging=True)
        return Response(account.position_text(position), mimetype="application/json")

    @blueprint.delete("/positions/<path:symbol>")
    @account_call
    def close_position(account: Account, symbol: str) -> Response:
        position = account.position(symbol)
        return answer(_close(account, position, _asked_shares(position)).row())

    @blueprint.delete("/positions")
    @account_call
    def close_all_positions(account: Account) -> Response:
        if asked_flag("cancel_orders"):
            cancel_all(account)
        return answer([_closed(account, position) for position in list(account.positions.values())], 207)


def _close(account: Account, position: Position, shares: Decimal) -> Order:
    """Order the sale, or the purchase that covers a short. As an assumption, a halted symbol is rejected here."""
    if position.symbol in account.venue.halted:
        raise refused(f"trading of {position.symbol} is halted")
    order = Order(
        id=str(uuid4()),
        client_order_id=str(uuid4()),
        symbol=position.symbol,
        asset_id=position.asset_id,
        side="sell" if position.qty > 0 else "buy",
        qty=shares,
    )
    account.books.place(order)
    return order


def _closed(account: Account, position: Position) -> dict[str, Any]:
    """Close one of all positions: if it is rejected, its row says so and the others go on."""
    try:
        order = _close(account, position, abs(position.qty))
    except ApiError as error:
        return {"symbol": position.symbol, "status": error.status, "body": error.body()}
    return {"symbol": position.symbol, "status": 200, "body": order.row()}


def _asked_shares(position: Position) -> Decimal:
    """The shares that ``qty`` or ``percentage`` of a close call name; all of them if there is neither.

    A percentage of whole shares is rounded down to whole shares.
    """
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
        least = SHARE if position.qty % 1 else Decimal(1)
        number = (abs(position.qty) * number / 100).quantize(least, ROUND_DOWN)
    if number <= 0:
        raise invalid("qty must be > 0")
    return number
