"""The check that every system under test has to pass at its end finds what it is for."""

from typing import Any

import pytest

from tests.support.invariants import violations
from tests.support.stack import Stack


def command(
    seq: int, kind: str, before: str, after: str | None, revision: int | None, status: str = "applied"
) -> dict[str, Any]:
    return {
        "id": seq,
        "seq": seq,
        "kind": kind,
        "status": status,
        "from_state": before,
        "to_state": after,
        "revision": revision,
    }


GOOD = [
    command(1, "start", "stopped", "running", 1),
    command(2, "resume", "running", None, None, "rejected"),
    command(3, "stop", "running", "stopped", 2),
]
STOPPED = {"state": "stopped", "revision": 2}


def test_a_good_history_breaks_no_rule():
    assert violations(GOOD, STOPPED) == []


@pytest.mark.parametrize(
    ("history", "config"),
    [
        (GOOD, {"state": "running", "revision": 2}),
        (GOOD, {"state": "stopped", "revision": 3}),
        ([GOOD[0], command(3, "stop", "running", "stopped", 3)], STOPPED),
        ([GOOD[0], command(3, "stop", "paused", "stopped", 2)], STOPPED),
        ([*GOOD, command(4, "start", "stopped", "running", None, "rejected")], STOPPED),
        (
            [command(2, "stop", "stopped", "stopped", 1), command(1, "start", "stopped", "running", 2)],
            {"state": "running", "revision": 2},
        ),
    ],
    ids=[
        "last state",
        "revision of the row",
        "gap",
        "chain",
        "rejected with a state",
        "start after a later halt",
    ],
)
def test_a_broken_history_is_found(history: list[dict[str, Any]], config: dict[str, Any]):
    assert violations(history, config)


def test_what_is_queued_past_its_expiry_is_found():
    assert violations(GOOD, STOPPED, late=[command(4, "start", "stopped", None, None, "queued")])


def test_the_log_of_the_shared_system_breaks_no_rule(stack: Stack):
    stack.api().do("/start")
    assert violations(stack.commands(), stack.config()) == []
