"""The operations: one POST for each command, PATCH for the mode and the thresholds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from apiflask import APIBlueprint
from flask import g, request
from sqlalchemy.orm import Session

from bot.commands.log import NewCommand
from bot.commands.thresholds import check_changes
from bot.errors import DatabaseUnavailable, OutcomeUnknown, PitbossError
from bot.models import BotCommand, BotConfig, BotReconciliation
from bot.models.thresholds import THRESHOLDS
from bot.queries import exposure, lists
from bot.queries.exposure import Exposure
from bot.states import CommandKind, CommandStatus, spec_of
from bot.status import snapshot
from web.auth import rights, scheme
from web.commands.dispatch import Preference
from web.http.errors import CommandNotApplied
from web.http.json_request import idempotency_key
from web.http.openapi import COMMAND_RESPONSES
from web.schemas.requests import ConfigIn, FlattenIn, HaltIn, ModeIn, ReasonIn, SettlementIn
from web.schemas.responses import ActionOut, ConfigChangedOut, KillOut, ReconcileOut
from web.services import services

T = TypeVar("T")

#: The most symbols that a kill's log line names.
MOST_NAMED = 20

log = logging.getLogger(__name__)

blueprint = APIBlueprint("actions", __name__, tag="Commands")

_SUMMARIES = {
    CommandKind.START: "Start the stopped bot",
    CommandKind.PAUSE: "Pause: no new entries, open positions are still watched",
    CommandKind.RESUME: "Resume the paused bot",
    CommandKind.REARM: "Take the kill latch off; the bot stays stopped",
}


#: The warning of a kill whose row could not be written.
NOT_LOGGED = (
    "The bot is stopped and killed, but the database has no room for the command's row, which follows later."
    " Make room on the database's disk."
)
NOT_FLATTENED = " Nothing is flattened before that: what is open stays open."


#: The warning of a command that waits for a second person.
AWAITS_APPROVAL = (
    "It waits for another operator, who approves it in the panel, or with POST /api/bot/commands/{commandId}/approval, within 10"
    " minutes. Nothing has changed yet."
)


def _define(kind: CommandKind) -> None:
    @blueprint.post(f"/{kind}", endpoint=kind)
    @blueprint.auth_required(scheme.scheme, roles=[rights.command(kind)])
    @blueprint.input(ReasonIn)
    @blueprint.output(ActionOut)
    @blueprint.doc(summary=_SUMMARIES[kind], responses=COMMAND_RESPONSES)
    def act(json_data: ReasonIn) -> Any:
        return answer(_send(kind, reason=json_data.reason))


for _kind in _SUMMARIES:
    _define(_kind)

_SETTLEMENTS = {
    "adopt": {
        "summary": "A position becomes an open trade",
        "value": {"action": "adopt", "symbol": "RIOT", "reason": "Bought manually"},
    },
    "adjust": {
        "summary": "A reverse split, one for ten",
        "value": {
            "action": "adjust",
            "tradeId": "0b1d6f0e-6f5e-4b7e-9c55-1f0a4d1c7a10",
            "shares": 10,
            "entryPrice": "8.00",
            "reason": "1:10 reverse split",
        },
    },
    "close": {
        "summary": "A trade ended, at this price and time",
        "value": {
            "action": "close",
            "tradeId": "0b1d6f0e-6f5e-4b7e-9c55-1f0a4d1c7a10",
            "exitPrice": "9.98",
            "exitAt": "2026-11-20T15:30:00Z",
            "reason": "Sold manually",
        },
    },
}


@blueprint.post("/stop")
@blueprint.auth_required(scheme.scheme, roles=[rights.command(CommandKind.STOP)])
@blueprint.input(HaltIn)
@blueprint.output(ActionOut)
@blueprint.doc(summary="Stop: nothing at all happens", responses=COMMAND_RESPONSES)
def stop(json_data: HaltIn) -> Any:
    return answer(_send(CommandKind.STOP, _halt_params(json_data), json_data.reason))


@blueprint.post("/kill")
@blueprint.auth_required(scheme.scheme, roles=[rights.command(CommandKind.KILL)])
@blueprint.input(HaltIn)
@blueprint.output(KillOut)
@blueprint.doc(
    summary="Kill: stop, disable and latch, without Redis or a worker", responses=COMMAND_RESPONSES
)
def kill(json_data: HaltIn) -> Any:
    command = _send(CommandKind.KILL, _halt_params(json_data), json_data.reason)
    stays_open = None if json_data.flatten else _stays_open()
    if stays_open is not None and (stays_open.positions or stays_open.working_orders):
        names = sorted(
            {each.symbol for each in stays_open.positions}
            | {each.symbol for each in stays_open.working_orders}
        )
        log.warning("the kill closes nothing; open: %s", ", ".join(names[:MOST_NAMED]))
    return answer(command, stays_open=stays_open)


def _halt_params(halt: HaltIn) -> dict[str, Any]:
    return {"flatten": True} if halt.flatten else {}


def _stays_open() -> Exposure | None:
    """Positions and orders that the kill leaves open; None where they cannot be read, which does not undo the kill."""
    try:
        return services().lane.batched(exposure.read)
    except PitbossError:
        return None


@blueprint.post("/flatten")
@blueprint.auth_required(scheme.scheme, roles=[rights.command(CommandKind.FLATTEN)])
@blueprint.input(FlattenIn)
@blueprint.output(ActionOut)
@blueprint.doc(
    summary="Flatten: cancel every order and close every position, until the broker confirms it",
    responses=COMMAND_RESPONSES,
)
def flatten(json_data: FlattenIn) -> Any:
    params = json_data.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_defaults=True, exclude={"reason"}
    )
    return answer(_send(CommandKind.FLATTEN, params, json_data.reason))


@blueprint.post("/reconcile")
@blueprint.auth_required(scheme.scheme, roles=[rights.command(CommandKind.RECONCILE)])
@blueprint.input(ReasonIn)
@blueprint.output(ReconcileOut)
@blueprint.doc(summary="Compare the open trades with Alpaca's positions now", responses=COMMAND_RESPONSES)
def reconcile(json_data: ReasonIn) -> Any:
    command = _send(CommandKind.RECONCILE, reason=json_data.reason)
    report = _read(command, lambda: services().database.read(lambda session: _report_of(session, command)))
    return answer(command, reconciliation=report)


@blueprint.patch("/mode")
@blueprint.auth_required(scheme.scheme, roles=[rights.command(CommandKind.SET_MODE)])
@blueprint.input(ModeIn)
@blueprint.output(ActionOut)
@blueprint.doc(summary="Switch between the paper and the live account", responses=COMMAND_RESPONSES)
def set_mode(json_data: ModeIn) -> Any:
    return answer(_send(CommandKind.SET_MODE, {"mode": json_data.mode}, json_data.reason))


@blueprint.patch("/config")
@blueprint.auth_required(scheme.scheme, roles=[rights.command(CommandKind.UPDATE_CONFIG)])
@blueprint.input(ConfigIn)
@blueprint.output(ConfigChangedOut)
@blueprint.doc(summary="Change thresholds, all or nothing", responses=COMMAND_RESPONSES)
def update_config(json_data: ReasonIn) -> Any:
    params = request.get_json(force=True)
    params.pop("reason", None)
    check_changes(
        params
    )  # checked again when it is applied; this check only keeps invalid changes out of the log
    command = _send(CommandKind.UPDATE_CONFIG, params, json_data.reason)
    config = _config(command)
    return answer(command, **{name: getattr(config, name) for name in THRESHOLDS})


@blueprint.post("/settlements")
@blueprint.auth_required(scheme.scheme, roles=[rights.command(CommandKind.SETTLE)])
@blueprint.input(SettlementIn, examples=_SETTLEMENTS)
@blueprint.output(ActionOut)
@blueprint.doc(
    summary="Settle one difference, or one trade",
    description="`adopt`, `ignore` and `watch` are about a `symbol`; `adjust`, `close`, `void`, `write_off`, `reopen` and"
    " `acknowledge` are about a `tradeId`. `close` needs `exitPrice`; `adjust` needs `shares`, `entryPrice` or both."
    " What there is nothing of is a 409 `nothing_to_settle`, whose sentence says what there is.",
    responses=COMMAND_RESPONSES,
)
def settle(json_data: SettlementIn) -> Any:
    params = json_data.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"reason"})
    return answer(_send(CommandKind.SETTLE, params, json_data.reason))


def _send(
    kind: CommandKind, params: Mapping[str, Any] | None = None, reason: str | None = None
) -> BotCommand:
    actor = scheme.actor()
    if (params or {}).get("flatten") is True and rights.command(CommandKind.FLATTEN) not in actor.rights:
        scheme.refuse(
            actor, "Your token may give this command, but not flatten with it. Send it without `flatten`."
        )
    wanted = NewCommand(
        kind=kind,
        params=params or {},
        reason=reason,
        actor=actor.name,
        source=actor.source,
        remote_addr=scheme.address(),
        token_name=actor.token_name,
        idempotency_key=idempotency_key(),
    )
    g.preference = Preference.parse(request.headers.get("Prefer"))
    return services().dispatch.send(wanted, g.preference)


def answer(command: BotCommand, **more: Any) -> Any:
    """The answer about *command*, for which ``g.preference`` is set: 200 once it is applied, 202 while it is queued.

    Raises:
        CommandNotApplied: it was finished but not applied.
    """
    headers = {}
    if g.preference.applied:
        headers["Preference-Applied"] = g.preference.applied
    common = {"command_id": command.id, "status": command.status, "revision": command.revision, **more}
    if command.status is CommandStatus.APPLIED:
        if command.revision is None:
            common["warning"] = NOT_LOGGED + (NOT_FLATTENED if command.params.get("flatten") else "")
        return {"state": command.to_state, "mode": command.mode, **common}, 200, headers
    if command.awaits_approval:
        common["warning"] = AWAITS_APPROVAL
    elif not command.pending:
        raise CommandNotApplied(command)
    bot = _config(command)
    headers["Location"] = f"/api/bot/commands/{command.id}"
    return {"state": bot.state, "mode": bot.mode, **common}, 202, headers


def _config(command: BotCommand) -> BotConfig:
    # kill, stop and pause use resources that no other command can use up
    database = services().lane if spec_of(command.kind).safer else services().database
    return _read(command, lambda: database.batched(snapshot.config))


def _read(command: BotCommand, read: Callable[[], T]) -> T:
    """Read the rest of the answer about *command*.

    Raises:
        OutcomeUnknown: the database cannot be reached; the error names the command, which is in the log.
    """
    try:
        return read()
    except DatabaseUnavailable:
        raise OutcomeUnknown(
            "The command was accepted, but the database went away before the answer was complete."
            " Ask for it by its commandId before you send it again.",
            details={"commandId": str(command.id)},
        ) from None


def _report_of(session: Session, command: BotCommand) -> BotReconciliation | None:
    return session.scalars(lists.report_of(command.id)).one_or_none()
