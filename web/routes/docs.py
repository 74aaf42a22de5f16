"""``/docs``: the OpenAPI document in Swagger UI, from an installed package; nothing is loaded from outside."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from apiflask import APIBlueprint
from flask import Response, render_template, send_from_directory
from werkzeug.exceptions import NotFound

_SWAGGER = Path(str(files("swagger_ui"))) / "static"
_FILES = frozenset({"swagger-ui.css", "swagger-ui-bundle.js"})
# Swagger UI sets styles on its elements
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"

blueprint = APIBlueprint("docs", __name__, enable_openapi=False)


@blueprint.get("/docs")
def page() -> Response:
    return Response(render_template("docs.html"), headers={"Content-Security-Policy": _POLICY})


@blueprint.get("/docs/<name>")
def swagger(name: str) -> Response:
    if name not in _FILES:
        raise NotFound()
    return send_from_directory(_SWAGGER, name, max_age=86_400)
