"""The panel's pages: login, logout, sessions, approval, and the main page at ``/``, which works through the API."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from bot.commands.log import MAX_REASON
from bot.errors import PitbossError
from bot.models import ExitReason, TradeStatus, Trigger
from bot.settings.tokens import Role
from bot.states import CommandKind, CommandStatus, Source
from bot.status.snapshot import config as read_config
from bot.status.snapshot import snapshot
from web.auth import rights, scheme, sessions
from web.auth.single_sign_on import UnknownUser
from web.auth.throttle import TooManyFailures
from web.commands.dispatch import Preference
from web.http.errors import NotFound
from web.panel.thresholds import FIELDS, GROUPS
from web.routes.sessions import end_own, read_own
from web.routes.status import present
from web.schemas.responses import ConfigOut
from web.services import services

blueprint = APIBlueprint("panel", __name__, enable_openapi=False)

Page = tuple[str, int, dict[str, str]] | Response

#: The page's scripts: named in its head, they are loaded in parallel instead of one after the other.
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
            "approvals": {"asked": services().settings.needs_approval.asked, "may": _may_approve(actor)},
            "thresholdDefaults": {name: field.json_default for name, field in FIELDS.items()},
            **_first_look(),
        },
    )
    return page, 200, _NO_STORE


@blueprint.get("/login")
def login() -> Page:
    if scheme.session_actor() is not None:
        return redirect(url_for("panel.panel"))
    try:
        holder = scheme.gatekeeper().sign_on.user()
    except UnknownUser as error:
        return _login_page(403, str(error))
    if holder is None:
        return _login_page(200)
    scheme.gatekeeper().log_in(holder)
    return redirect(url_for("panel.panel"))


@blueprint.post("/login")
def log_in() -> Page:
    try:
        sessions.csrf.protect()
        token = request.form.get("token", "").strip()
        holder = scheme.gatekeeper().check(token, scheme.address(), request.endpoint)
    except CSRFError:
        return _login_page(400, _OLD_PAGE)
    except TooManyFailures as error:
        scheme.gatekeeper().refusals.locked_out()
        wait = math.ceil(error.wait_sec)
        return _login_page(429, f"{error} Try again in {wait} s.", {"Retry-After": str(wait)})
    if holder is None:
        return _login_page(401, _WRONG_TOKEN)
    scheme.gatekeeper().log_in(holder)
    return redirect(url_for("panel.panel"), 303)


@blueprint.post("/logout")
def log_out() -> Page:
    if scheme.session_actor() is not None:
        sessions.csrf.protect()
    scheme.gatekeeper().log_out()
    return redirect(url_for("panel.login"), 303)


@blueprint.get("/sessions")
def own_sessions() -> Page:
    actor = scheme.session_actor()
    return redirect(url_for("panel.login")) if actor is None else _sessions_page(actor, 200)


@blueprint.post("/sessions/<uuid:session_id>")
def end_session(session_id: UUID) -> Page:
    actor = scheme.session_actor()
    if actor is None:
        return redirect(url_for("panel.login"), 303)
    sessions.csrf.protect()
    try:
        end_own(actor, session_id)
    except NotFound as error:
        return _sessions_page(actor, 404, str(error))
    return redirect(url_for("panel.own_sessions"), 303)


@blueprint.get("/approvals/<uuid:command_id>")
def approval(command_id: UUID) -> Page:
    actor = scheme.session_actor()
    if actor is None:
        return redirect(url_for("panel.login"))
    return _approval_page(actor, command_id, 200)


@blueprint.post("/approvals/<uuid:command_id>")
def approve(command_id: UUID) -> Page:
    actor = scheme.session_actor()
    if actor is None:
        return redirect(url_for("panel.login"), 303)
    sessions.csrf.protect()
    if not _may_approve(actor):
        return _approval_page(actor, command_id, 403, "Your token may not approve commands.")
    try:
        if request.form.get("answer") == "reject":
            services().controller.reject(command_id, actor.name)
        else:
            services().dispatch.approve(command_id, actor.name, Preference())
    except PitbossError as error:
        return _approval_page(actor, command_id, 409, str(error))
    return redirect(url_for("panel.approval", command_id=command_id), 303)


def _may_approve(actor: scheme.Actor) -> bool:
    return rights.OPERATE in actor.rights


def _approval_page(actor: scheme.Actor, command_id: UUID, status: int, error: str | None = None) -> Page:
    try:
        command = services().controller.find(command_id)
    except PitbossError as away:
        command, status, error = None, 503, str(away)
    if command is None and error is None:
        status, error = 404, f"There is no command {command_id}."
    page = render_template(
        "approval.html", command=command, actor=actor, may=_may_approve(actor), error=error
    )
    return page, status, _NO_STORE


def _sessions_page(actor: scheme.Actor, status: int, error: str | None = None) -> Page:
    try:
        rows = read_own(actor)
    except PitbossError as away:
        rows, status, error = [], 503, str(away)
    idle = services().settings.session_idle_min
    return render_template("sessions.html", sessions=rows, error=error, idle_min=idle), status, _NO_STORE


def _login_page(status: int, error: str | None = None, headers: dict[str, str] | None = None) -> Page:
    return render_template("login.html", error=error), status, {**_NO_STORE, **(headers or {})}


def _first_look() -> dict[str, Any]:
    """Status and thresholds for the first view; empty if Postgres cannot be reached, which the page then says."""

    try:
        now, config = services().database.batched(lambda batch: (snapshot(batch), read_config(batch)))
    except PitbossError:
        return {"status": None, "config": None}
    return {
        "status": present(now).model_dump(mode="json", by_alias=True),
        "config": ConfigOut.model_validate(config).model_dump(mode="json", by_alias=True),
    }
