"""The transition table, against one that was written down by hand from the operator's manual."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.commands.evidence import GATHERERS
from bot.commands.handlers import HANDLERS
from bot.errors import InvalidTransition, Killed, NotStopped
from bot.states import COMMANDS, BotState, CommandKind, CommandSpec, next_state, spec_of

# One line per command; a cell is the state that it leads to, or the error. Columns: stopped, running, paused, and
# stopped with the kill latch on. (Running or paused with the latch on is refused by the database itself.)
TABLE = """
start          running  invalid  invalid  killed
pause          invalid  paused   invalid  invalid
resume         invalid  invalid  running  invalid
stop           invalid  stopped  stopped  invalid
kill           stopped  stopped  stopped  stopped
rearm          invalid  invalid  invalid  stopped
set_mode       stopped  not_stopped not_stopped stopped
update_config  stopped  running  paused   stopped
reconcile      stopped  running  paused   stopped
settle         stopped  running  paused   stopped
flatten        stopped  paused   paused   stopped
"""
COLUMNS = (("stopped", False), ("running", False), ("paused", False), ("stopped", True))
CASES = [
    (kind, state, latched, cell)
    for kind, *cells in (line.split() for line in TABLE.strip().splitlines())
    for (state, latched), cell in zip(COLUMNS, cells, strict=True)
]
# What no row can show, but a function must answer: the latch on while running or paused.
CASES += [
    ("start", "running", True, "invalid"),
    ("start", "paused", True, "invalid"),
    ("pause", "running", True, "paused"),
    ("pause", "paused", True, "invalid"),
    ("resume", "running", True, "invalid"),
    ("resume", "paused", True, "running"),
    ("stop", "running", True, "stopped"),
    ("stop", "paused", True, "stopped"),
    ("kill", "running", True, "stopped"),
    ("kill", "paused", True, "stopped"),
    ("rearm", "running", True, "invalid"),
    ("rearm", "paused", True, "invalid"),
    ("set_mode", "running", True, "not_stopped"),
    ("set_mode", "paused", True, "not_stopped"),
    ("update_config", "running", True, "running"),
    ("update_config", "paused", True, "paused"),
    ("reconcile", "running", True, "running"),
    ("reconcile", "paused", True, "paused"),
    ("settle", "running", True, "running"),
    ("settle", "paused", True, "paused"),
    ("flatten", "running", True, "paused"),
    ("flatten", "paused", True, "paused"),
]
ERRORS = {"invalid": InvalidTransition, "killed": Killed, "not_stopped": NotStopped}


@pytest.mark.parametrize(("kind", "state", "latched", "cell"), CASES)
def test_a_command_leads_where_the_table_says(kind: str, state: str, latched: bool, cell: str) -> None:
    def step() -> BotState:
        return next_state(BotState(state), CommandKind(kind), latched=latched)

    if cell not in ERRORS:
        assert step() == cell
        return
    with pytest.raises(ERRORS[cell]) as caught:
        step()
    assert type(caught.value) is ERRORS[cell]
    assert str(caught.value).endswith(".")


def test_no_triple_is_left_out() -> None:
    asked = {(kind, state, latched) for kind, state, latched, _ in CASES}
    assert asked == {
        (str(k), str(s), latch) for k in CommandKind for s in BotState for latch in (False, True)
    }
    assert len(CASES) == len(asked)


def test_a_refusal_says_what_is_allowed() -> None:
    with pytest.raises(
        InvalidTransition, match="Cannot pause while the bot is stopped; pause is allowed when it is"
    ):
        next_state(BotState.STOPPED, CommandKind.PAUSE, latched=False)


def test_nobody_can_change_the_table() -> None:
    with pytest.raises(TypeError):
        COMMANDS[CommandKind.PAUSE] = COMMANDS[CommandKind.START]  # type: ignore[index]


def test_every_kind_has_one_row_and_one_handler() -> None:
    assert list(COMMANDS) == list(CommandKind)
    assert set(HANDLERS) == set(CommandKind)


def test_every_kind_that_needs_evidence_has_one_way_to_gather_it() -> None:
    assert set(GATHERERS) == {kind for kind, spec in COMMANDS.items() if spec.needs_evidence}


def test_what_is_said_of_each_command() -> None:
    def where(says: Callable[[CommandSpec], Any]) -> dict[str, Any]:
        return {str(kind): says(spec) for kind, spec in COMMANDS.items() if says(spec) not in (None, False)}

    assert set(where(lambda spec: spec.is_halt)) == {"stop", "kill"}
    assert set(where(lambda spec: spec.safer)) == {"pause", "stop", "kill", "flatten"}
    assert set(where(lambda spec: spec.superseded_by_halts)) == {
        "start",
        "pause",
        "resume",
        "rearm",
        "set_mode",
    }
    assert set(where(lambda spec: spec.needs_evidence)) == {"set_mode", "reconcile"}
    assert where(lambda spec: spec.expires_after_sec) == {"start": 30, "resume": 30, "set_mode": 30}
    enabled = {str(kind): spec.sets_enabled for kind, spec in COMMANDS.items()}
    assert {kind: to for kind, to in enabled.items() if to is not None} == {"start": True, "kill": False}


def test_only_the_end_of_a_flatten_yields_to_halts_and_has_to_say_when_it_was_sent() -> None:
    flatten, pause = COMMANDS[CommandKind.FLATTEN], COMMANDS[CommandKind.PAUSE]
    assert flatten.yields_to_halts({"cancel": True})
    assert flatten.needs_send_time({"cancel": True})
    for params in ({}, {"cancel": False}, {"cancel": "true"}, None, "cancel"):
        assert not flatten.yields_to_halts(params)
        assert not flatten.needs_send_time(params)
    assert pause.yields_to_halts({})
    assert not pause.needs_send_time({})


def test_a_kind_of_a_newer_release_is_allowed_nowhere() -> None:
    assert spec_of("hibernate").leads_to == {}
    with pytest.raises(InvalidTransition, match=r"^This release knows no command hibernate\.$"):
        next_state(BotState.STOPPED, "hibernate", latched=False)  # type: ignore[arg-type]
