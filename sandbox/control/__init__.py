"""The control API under /sandbox, with which tests and demos steer the sandbox. No login: keep it on loopback.

``docs/sandbox.md`` describes it. A PUT for a new key makes its account. Bad input is a 400 with a sentence in ``message``, a
missing account or order a 404. Orders that are due are filled before
each change and after it.
"""

from __future__ import annotations

from flask import Blueprint, Response

from sandbox.calls import Calls
from sandbox.control import accounts, faults, orders, venue
from sandbox.faults import Faults
from sandbox.market import Market
from sandbox.rate_limit import RateLimit


def control_blueprint(market: Market, rules: Faults, calls: Calls, rate_limit: RateLimit) -> Blueprint:
    """The routes under /sandbox."""
    blueprint = Blueprint("control", __name__, url_prefix="/sandbox")

    @blueprint.before_request
    def settle_before() -> None:
        # What was due fills at the price and under the rules of before.
        with market.lock:
            market.settle()

    @blueprint.after_request
    def settle_after(response: Response) -> Response:
        with market.lock:
            market.settle()
        return response

    faults.add_routes(blueprint, rules, calls, rate_limit)
    venue.add_routes(blueprint, market)
    accounts.add_routes(blueprint, market)
    orders.add_routes(blueprint, market)
    return blueprint
