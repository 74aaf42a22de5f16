"""Faults in force, the calls so far, and the rate limit."""

from __future__ import annotations

from flask import Blueprint, Response, request

from sandbox.answers import answer
from sandbox.calls import Calls
from sandbox.control.bodies import body_of, switch
from sandbox.errors import malformed
from sandbox.faults import BadFault, Faults, asked_fault
from sandbox.rate_limit import RateLimit


def add_routes(blueprint: Blueprint, faults: Faults, calls: Calls, rate_limit: RateLimit) -> None:
    """Add them."""

    @blueprint.get("/faults")
    def get_faults() -> Response:
        return answer(faults.rows())

    @blueprint.put("/faults")
    def put_faults() -> Response:
        try:
            faults.replace([asked_fault(row) for row in body_of(list)])
        except BadFault as error:
            raise malformed(str(error)) from error
        return answer(faults.rows())

    @blueprint.delete("/faults")
    def delete_faults() -> Response:
        faults.replace([])
        return answer([])

    @blueprint.get("/requests")
    def get_requests() -> Response:
        return answer(calls.rows(request.args.get("key")))

    @blueprint.delete("/requests")
    def delete_requests() -> Response:
        calls.clear()
        return answer([])

    @blueprint.put("/rate_limit")
    def put_rate_limit() -> Response:
        rate_limit.enabled = switch(body_of(dict).get("enabled"), "enabled")
        return answer({"enabled": rate_limit.enabled})
