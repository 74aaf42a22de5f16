"""The panel's pages: login, logout, and the one page at ``/``. What they show and do goes through the API."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from apiflask import APIBlueprint
from flask import redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from bot.commands.log import MAX_REASON
from bot.errors import PitbossError
from bot.models import ExitReason, TradeStatus, Trigger
from bot.settings.types import Role
from bot.states import CommandKind, CommandStatus, Source
from bot.status.snapshot import config as read_config
from bot.status.snapshot import snapshot
from web.auth import scheme, sessions
from web.auth.throttle import TooManyFailures
from web.panel.thresholds import FIELDS, GROUPS
from web.routes.status import present
from web.schemas.responses import ConfigOut
from web.services import services

blueprint = APIBlueprint("panel", __name__, enable_openapi=False)

Page = tuple[str, int, dict[str, str]] | Response

#: The page's scripts: named at its head, they come side by side instead of each when another one asks for it.
_MODULES = sorted(each.name for each in (Path(__file__).parents[1] / "static" / "panel").glob("*.js"))
_NO_STORE = {"Cache-Control": "no-store"}
_WRONG_TOKEN = "This token is not known here. Check that it was copied whole."  # noqa: S105 - a sentence
_OLD_PAGE = "This page was open for too long, or cookies are blocked. Try once more."


@blueprint.get("/")
def panel() -> Page:
    actor = scheme.session_actor()
    if actor is None:
        return redirect(url_for("panel.login"))
    page = render_template(
        "panel.html",
        actor=actor,
        may_act=actor.role is Role.OPERATOR,
        max_reason=MAX_REASON,
        modules=_MODULES,
        threshold_groups=GROUPS,
        kinds=list(CommandKind),
        statuses=list(CommandStatus),
        sources=list(Source),
        trade_statuses=list(TradeStatus),
        exit_reasons=list(ExitReason),
        triggers=list(Trigger),
        start={
            "actor": actor.name,
            "role": actor.role,
            "mayAct": actor.role is Role.OPERATOR,
            "thresholdDefaults": {name: field.json_default for name, field in FIELDS.items()},
            **_first_look(),
        },
    )
    return page, 200, _NO_STORE


@blueprint.get("/login")
def login() -> Page:
    if scheme.session_actor() is not None:
        return redirect(url_for("panel.panel"))
    return _login_page(200)


@blueprint.post("/login")
def log_in() -> Page:
    try:
        sessions.csrf.protect()
        entry = scheme.tokens().check(request.form.get("token", "").strip(), scheme.address())
    except CSRFError:
        return _login_page(400, _OLD_PAGE)
    except TooManyFailures as error:
        wait = math.ceil(error.wait_sec)
        return _login_page(429, f"{error} Try again in {wait} s.", {"Retry-After": str(wait)})
    if entry is None:
        return _login_page(401, _WRONG_TOKEN)
    sessions.begin(entry)
    return redirect(url_for("panel.panel"), 303)


@blueprint.post("/logout")
def log_out() -> Page:
    if scheme.session_actor() is not None:
        sessions.csrf.protect()
    sessions.end()
    return redirect(url_for("panel.login"), 303)


def _login_page(status: int, error: str | None = None, headers: dict[str, str] | None = None) -> Page:
    return render_template("login.html", error=error), status, {**_NO_STORE, **(headers or {})}


def _first_look() -> dict[str, Any]:
    """Status and thresholds for the first picture; without them when Postgres is away: the page then says so."""

    try:
        now, config = services().database.batched(lambda batch: (snapshot(batch), read_config(batch)))
    except PitbossError:
        return {"status": None, "config": None}
    return {
        "status": present(now).model_dump(mode="json", by_alias=True),
        "config": ConfigOut.model_validate(config).model_dump(mode="json", by_alias=True),
    }
