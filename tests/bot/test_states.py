"""The transition table, against one that was written down by hand from the operator's manual."""

from __future__ import annotations

import pytest

from bot.errors import InvalidTransition, Killed, NotStopped
from bot.states import (
    CALLED_OFF_BY_HALT,
    EXPIRES_AFTER_SEC,
    HALTS,
    NEEDS_EVIDENCE,
    SAFER,
    SETS_ENABLED,
    TRANSITIONS,
    BotState,
    CommandKind,
    next_state,
)

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
        TRANSITIONS[BotState.STOPPED, CommandKind.PAUSE] = BotState.RUNNING  # type: ignore[index]


def test_what_is_said_of_each_command() -> None:
    def named(kinds: object) -> set[str]:
        return {str(kind) for kind in kinds}  # type: ignore[attr-defined]

    assert named(HALTS) == {"stop", "kill"}
    assert named(SAFER) == {"pause", "stop", "kill"}
    assert named(CALLED_OFF_BY_HALT) == {"start", "pause", "resume", "set_mode"}
    assert named(NEEDS_EVIDENCE) == {"set_mode", "reconcile"}
    assert {str(kind): sec for kind, sec in EXPIRES_AFTER_SEC.items()} == {
        "start": 30,
        "resume": 30,
        "set_mode": 30,
    }
    assert {str(kind): to for kind, to in SETS_ENABLED.items()} == {"start": True, "kill": False}
