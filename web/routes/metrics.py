"""Metrics for Prometheus."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from prometheus_client import CONTENT_TYPE_LATEST

from web.auth import scheme
from web.http.openapi import READ_RESPONSES, text_response
from web.services import services

blueprint = APIBlueprint("metrics", __name__, tag="Health")


@blueprint.get("/metrics")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.doc(
    summary="Metrics in Prometheus's text format",
    responses={**READ_RESPONSES, **text_response("text/plain", "Metrics")},
)
def metrics() -> Response:
    return Response(services().metrics.text(), content_type=CONTENT_TYPE_LATEST)
