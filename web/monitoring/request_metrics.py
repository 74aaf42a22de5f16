"""How long web takes to answer, by route, method and status.

gunicorn's processes write to files in PROMETHEUS_MULTIPROC_DIR (see ``web/gunicorn_conf.py``), so that a scrape, which one
of them answers, shows all of them.
"""

from __future__ import annotations

import time
from functools import cache

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Histogram

BUCKETS_SEC = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REGISTRY = CollectorRegistry()
DURATION = Histogram(
    "pitboss_http_request_duration_seconds",
    "From a request's first byte read to its answer's head; a request may wait for its command's outcome.",
    ["route", "method", "status"],
    buckets=BUCKETS_SEC,
    registry=REGISTRY,
)


def register(app: Flask) -> None:
    """Measure every request of *app*."""

    @app.before_request
    def begin() -> None:
        g.began_at = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        began_at = g.pop("began_at", None)
        if began_at is not None:
            # unknown routes and methods get no name of their own: anybody can invent them
            route = request.url_rule.rule if request.url_rule is not None else "other"
            method = request.method if request.method in METHODS else "other"
            _duration(route, method, response.status_code).observe(time.perf_counter() - began_at)
        return response


@cache  # as many as there are routes, methods and statuses
def _duration(route: str, method: str, status: int) -> Histogram:
    return DURATION.labels(route, method, str(status))
