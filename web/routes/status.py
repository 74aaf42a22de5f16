"""What the bot is and may do: status, gate and thresholds."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from bot import market_hours
from bot.flattening import flattens
from bot.states import allowed_commands
from bot.status import gate
from bot.status.snapshot import Snapshot, snapshot
from bot.status.snapshot import config as read_config
from web.auth import scheme
from web.http.openapi import READ_RESPONSES
from web.schemas.responses import ConfigOut, FlattenOut
from web.schemas.status import GateOut, StatusOut
from web.services import services

blueprint = APIBlueprint("status", __name__, tag="Status")


@blueprint.get("/status")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output(StatusOut)
@blueprint.doc(summary="The bot at a glance", responses=READ_RESPONSES)
def status() -> Any:
    return Response(services().status(), mimetype="application/json")


@blueprint.get("/gate", endpoint="gate")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output(GateOut)
@blueprint.doc(summary="May the bot open a position now?", responses=READ_RESPONSES)
def ask_gate() -> Any:
    return gate.judge(services().database.batched(snapshot), services().settings)


@blueprint.get("/flatten")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output(FlattenOut)
@blueprint.doc(summary="How far the last flatten is", responses=READ_RESPONSES)
def flatten() -> Any:
    last = services().database.read(flattens.latest)
    return FlattenOut(state="none") if last is None else last


@blueprint.get("/config")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output(ConfigOut)
@blueprint.doc(summary="The thresholds", responses=READ_RESPONSES)
def config() -> Any:
    return services().database.batched(read_config)


def present(now: Snapshot) -> StatusOut:
    """The status as it is shown."""
    settings, bot = services().settings, now.config
    answer = gate.judge(now, settings)
    last = now.reconciliation
    access = settings.alpaca(bot.mode)
    return StatusOut(
        state=bot.state,
        mode=bot.mode,
        open_position_count=now.open_trades,
        today_realized_pnl=now.realized_pnl,
        today_trade_count=now.trade_count,
        unsettled_trades=now.unsettled_trades,
        open_pnl=now.open_pnl,
        market_open=gate.market_open(settings, bot.mode, now.now),
        market_changes_at=market_hours.next_change(now.now, settings.closures),
        enabled=bot.enabled,
        killed=bot.killed,
        killed_at=bot.killed_at,
        kill_reason=bot.kill_reason,
        allowed_commands=allowed_commands(bot.state, latched=bot.killed),
        accepting_signals=answer.may_open,
        reasons=list(answer.reasons),
        reconciliation=None
        if last is None
        else {
            "outcome": last.outcome,
            "trigger": last.trigger,
            "finished_at": last.finished_at,
            "age_sec": (now.now - last.finished_at).total_seconds(),
            "error_code": last.error_code,
            "error": last.error,
            "missed": last.missed,
            "differences": last.differences,
            "agreed_at": bot.agreed_at,
        },
        flatten=now.flatten or "none",
        worker={"online": now.worker_online, "last_seen_at": now.worker_seen_at},
        pending_commands=now.pending_commands,
        revision=bot.revision,
        sandbox=access is not None and access.sandbox,
        as_of=now.now,
    )
