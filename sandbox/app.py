"""Builds the sandbox: market, API, control API, faults and state file in one Flask application."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from sandbox.answers import answer
from sandbox.api import api_blueprint
from sandbox.calls import Calls
from sandbox.control import control_blueprint
from sandbox.errors import ApiError, malformed, not_found
from sandbox.faults import Faults
from sandbox.market import Market
from sandbox.rate_limit import RateLimit
from sandbox.store import Store
from sandbox.venue import FILL_DELAY_SEC
from sandbox.wire import Wire


class Sandbox(Flask):
    """A Flask application whose requests pass the wire, where faults strike."""

    wire: Wire


def create_app(
    *,
    rate_limit: bool = False,
    state: Path | None = None,
    walk: bool = False,
    fill_delay_sec: float = FILL_DELAY_SEC,
    hours: bool = False,
) -> Sandbox:
    """A sandbox of its own, with no account in it or with those of the ``state`` file.

    ``rate_limit`` rejects more than 200 calls a minute and key, ``walk`` lets prices drift; an order fills
    ``fill_delay_sec`` after it was sent, with 0 before the next call is answered; ``hours`` opens and closes the
    market with the exchange, which otherwise never closes. Raises StateFileError when the state file cannot be
    used. Faults that hang up need a server that gives the connection to WSGI, as ``sandbox.server`` does.
    """
    app = Sandbox("sandbox")
    market, faults, calls = Market(walk=walk, fill_delay_sec=fill_delay_sec), Faults(), Calls()
    limit = RateLimit(enabled=rate_limit)
    store = Store(market, state)
    if hours:
        market.venue.clock.is_open = None
    app.register_blueprint(api_blueprint(market, limit))
    app.register_blueprint(control_blueprint(market, faults, calls, limit))
    app.wire = Wire(app.wsgi_app, faults, calls)
    app.wsgi_app = app.wire  # type: ignore[method-assign]

    @app.get("/healthz")
    def healthz() -> Response:
        return answer({"status": "ok"})

    @app.errorhandler(ApiError)
    def refuse(error: ApiError) -> Response:
        return answer(error.body(), error.status)

    @app.errorhandler(HTTPException)
    def refuse_request(error: HTTPException) -> Response:
        if error.code == 404:
            return refuse(not_found("endpoint not found"))
        if error.code == 400:
            return refuse(malformed())
        return refuse(ApiError(error.code or 500, None, error.name.lower()))

    @app.after_request
    def save(response: Response) -> Response:
        # Before the answer leaves: what a client was told must still be true after a crash.
        store.save()
        return response

    return app
