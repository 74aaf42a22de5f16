"""The part of Alpaca's trading API that is simulated.

It follows https://docs.alpaca.markets/reference (Trading API, v2, as of its description 2.0.1).
Every call names its account with the headers APCA-API-KEY-ID and APCA-API-SECRET-KEY.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import Blueprint, Response, g, request

from sandbox.api import account, orders, positions, reference
from sandbox.errors import rate_limited
from sandbox.market import Market
from sandbox.rate_limit import RateLimit


def api_blueprint(market: Market, rate_limit: RateLimit) -> Blueprint:
    """The routes under /v2."""
    blueprint = Blueprint("api", __name__, url_prefix="/v2")

    def account_call(view: Callable[..., Response]) -> Callable[..., Response]:
        """Give the view the caller's account, and the market to itself while it runs."""

        @wraps(view)
        def call(**arguments: str) -> Response:
            with market.lock:
                caller = market.login(
                    request.headers.get("APCA-API-KEY-ID"), request.headers.get("APCA-API-SECRET-KEY")
                )
                allowed, g.rate_limit_headers = rate_limit.count(caller.key)
                if not allowed:
                    raise rate_limited()
                if request.method != "GET":
                    market.changed()
                return view(caller, **arguments)

        return call

    @blueprint.after_request
    def show_rate_limit(response: Response) -> Response:
        response.headers.update(g.get("rate_limit_headers", {}))
        return response

    account.add_routes(blueprint, account_call)
    orders.add_routes(blueprint, account_call)
    positions.add_routes(blueprint, account_call)
    reference.add_routes(blueprint, account_call, market)
    return blueprint
