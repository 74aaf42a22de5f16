"""The checker finds every breach, and none where all is well."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.tools.chaos.histories import (
    NOON,
    also,
    fine,
    looked,
    misremember,
    mistell,
    row,
    spoil,
    spoil_flatten,
    told,
)
from tools.chaos import order_rules
from tools.chaos.checker import RULES, check
from tools.chaos.history import Flatten, History, Span
from tools.chaos.manual import Sent

SECOND = timedelta(seconds=1)
ENVELOPE = {"error": "No.", "code": "database_unavailable", "details": {}}


def swap_revisions(history: History, first: int, second: int) -> History:
    """Two commands applied in each other's place; their steps are legal either way."""
    one, other = (next(each for each in history.rows if each.seq == seq) for seq in (first, second))
    history = spoil(history, first, revision=other.revision, finished_at=other.finished_at, mode=other.mode)
    history = spoil(history, second, revision=one.revision, finished_at=one.finished_at, mode=one.mode)
    for each in (first, second):
        changed = next(row for row in history.rows if row.seq == each)
        history = mistell(history, f"mark-{each}", body=told(changed).body)
    return history


def start_after_stop(history: History) -> History:
    """A start that was issued before the stop (seq 6) and applied after it, instead of the one issued later."""
    late = row(7, "start", "stopped running", revision=5, reason=None, id="id-late")
    rows = [replace(late, seq=5) if each.seq == 7 else each for each in history.rows if each.seq != 5]
    attempts = [each for each in history.attempts if each.mark not in ("mark-5", "mark-7")]
    return replace(history, rows=rows, attempts=attempts)


def manual(history: History, seq: int, sent: float, said: float | None) -> History:
    """One command was a manual one, sent so many seconds after noon, which its message says or says otherwise."""
    noon, command = NOON.timestamp(), next(each for each in history.rows if each.seq == seq)
    told_time = None if said is None else noon + said
    kept = {command.id: Sent(command.id, command.kind, noon + sent, told_time, None)}
    return replace(spoil(history, seq, source="celery"), sent=kept)


def while_away(history: History) -> History:
    """The same, but web was away at the kill (seq 8)."""
    return replace(history, away=[Span(7.0, 9.0)])


def unknown(history: History, mark: str, command_id: str | None) -> History:
    """A client is told that nobody knows how its command ended."""
    details = {} if command_id is None else {"commandId": command_id}
    body = {"error": "No.", "code": "outcome_unknown", "details": details}
    return mistell(history, mark, status=503, body=body)


def another_flatten(history: History, after: timedelta) -> History:
    """A second one, of the second command, so long after noon."""
    again = Flatten("id-16", "flat", NOON + after, NOON + 30 * SECOND)
    return replace(history, flattens=[*history.flattens, again])


BREACHES: dict[str, list[Callable[[History], History]]] = {
    "every_flatten_ends": [lambda h: spoil_flatten(h, state="working", finished_at=None)],
    "what_was_asked_to_be_flattened_is": [
        lambda h: replace(h, flattens=[]),
        lambda h: spoil_flatten(h, finished_at=NOON + 15.5 * SECOND),
        lambda h: also(spoil(h, 8, params={"flatten": True})),
    ],
    "flattens_come_from_applied_commands_one_at_a_time": [
        lambda h: spoil_flatten(h, command_id="id-13"),
        lambda h: spoil_flatten(h, command_id="id-4"),
        lambda h: spoil_flatten(h, command_id="id-unknown"),
        lambda h: another_flatten(h, 19 * SECOND),
    ],
    "no_id_twice": [
        lambda h: spoil(h, 4, id="id-9"),
        lambda h: also(h, row(4, "reconcile", "stopped x", revision=None, id="id-15", reason=None)),
    ],
    "revisions_run_without_gap_or_double": [
        lambda h: spoil(h, 13, revision=11),
        lambda h: spoil(h, 13, revision=9),
        lambda h: misremember(h, revision=11),
        lambda h: replace(h, rows=h.rows[1:]),
    ],
    "each_state_follows_from_the_one_before": [
        lambda h: spoil(h, 3, from_state="stopped"),
        lambda h: misremember(h, state="running"),
    ],
    "every_step_is_allowed": [
        lambda h: spoil(h, 2, to_state="stopped"),
        lambda h: spoil(h, 2, kind="resume", expires_at=NOON + 32 * SECOND),
        lambda h: spoil(h, 10, kind="stop"),
        lambda h: spoil(spoil(h, 6, from_state="stopped"), 5, finished_at=NOON + 5 * SECOND),
    ],
    "refusals_are_right": [
        lambda h: spoil(h, 4, from_state="paused"),
        lambda h: spoil(h, 9, kind="pause", expires_at=None),
    ],
    "the_kill_switch_latches": [
        lambda h: spoil(h, 10, kind="start", to_state="running", expires_at=NOON + 40 * SECOND),
        lambda h: spoil(h, 8, kind="stop"),
        lambda h: misremember(h, killed=True),
    ],
    "enabled_mode_and_thresholds_follow_from_the_log": [
        lambda h: misremember(h, enabled=True),
        lambda h: misremember(h, mode="paper"),
        lambda h: misremember(h, max_concurrent_positions=3),
        lambda h: spoil(h, 13, mode="paper"),
    ],
    "nothing_logged_before_a_halt_takes_effect_after_it": [start_after_stop],
    "only_a_later_halt_supersedes": [
        lambda h: spoil(h, 14, status="superseded", error_code="superseded"),
        lambda h: spoil(h, 5, kind="reconcile"),
    ],
    "nothing_sent_before_a_halt_takes_effect_after_it": [
        lambda h: manual(h, 7, sent=5.0, said=5.0),
        lambda h: manual(h, 10, sent=7.5, said=7.5),
        lambda h: manual(
            spoil(h, 6, status="rejected", revision=None, error_code="invalid_transition"), 7, 5.0, 5.0
        ),
    ],
    "old_thresholds_do_not_replace_newer_ones": [
        lambda h: manual(
            also(h, row(15, "update_config", "stopped stopped", revision=11)), 15, sent=3.0, said=3.0
        ),
    ],
    "what_says_no_time_or_a_future_one_is_rejected": [
        lambda h: manual(h, 10, sent=10.0, said=None),
        lambda h: manual(h, 7, sent=7.0, said=307.0),
        lambda h: manual(h, 11, sent=11.0, said=311.0),
    ],
    "expiry_is_kept": [
        lambda h: spoil(h, 1, finished_at=NOON + 32 * SECOND),
        lambda h: spoil(h, 14, finished_at=NOON + 20 * SECOND),
        lambda h: spoil(h, 14, finished_at=NOON + 60 * SECOND),
        lambda h: spoil(h, 1, expires_at=None),
        lambda h: spoil(h, 2, expires_at=NOON + 40 * SECOND),
    ],
    "nothing_stays_pending": [
        lambda h: spoil(h, 9, status="queued", finished_at=None, error_code=None),
        lambda h: spoil(h, 11, finished_at=NOON + 60 * SECOND),
        lambda h: spoil(h, 13, finished_at=NOON + 110 * SECOND),
    ],
    "finished_rows_are_whole": [
        lambda h: spoil(h, 4, to_state="running"),
        lambda h: spoil(h, 4, error_code=None),
        lambda h: spoil(h, 13, error_code="expired"),
    ],
    "nothing_ends_before_it_began": [
        lambda h: spoil(h, 4, finished_at=NOON),
        lambda h: spoil(h, 3, finished_at=NOON + 7 * SECOND),
    ],
    "what_was_said_to_be_applied_is_applied": [
        lambda h: mistell(h, "mark-2", body=told(h.rows[0]).body),
        lambda h: mistell(h, "mark-9", status=200, body={"commandId": "id-9", "state": "running"}),
        lambda h: mistell(h, "mark-x", status=200, body={"commandId": "id-99", "state": "running"}),
        lambda h: mistell(h, "mark-2", body=dict(told(h.rows[1]).body, state="running")),
    ],
    "what_was_refused_has_no_effect": [
        lambda h: mistell(
            h, "mark-2", status=409, body={"error": "No.", "code": "killed", "details": {"commandId": "id-2"}}
        ),
        lambda h: mistell(
            h, "mark-9", body={"error": "No.", "code": "superseded", "details": {"commandId": "id-9"}}
        ),
    ],
    "what_was_never_accepted_is_absent": [
        lambda h: also(h, row(15, "update_config", "stopped x", revision=None, reason="mark-x")),
        lambda h: mistell(h, "mark-9", status=503, body=ENVELOPE),
    ],
    "what_was_accepted_reached_an_end": [
        lambda h: mistell(h, "mark-x", status=202, body={"commandId": "id-99"}),
    ],
    "what_is_unknown_is_absent_or_its_own": [
        lambda h: unknown(h, "mark-2", "id-3"),
        lambda h: unknown(h, "mark-2", None),
    ],
    "nothing_happens_twice": [
        lambda h: also(h, row(15, "rearm", "stopped invalid_transition", revision=None, reason="mark-4")),
        lambda h: also(h, attempts=(told(h.rows[1], mark="mark-5", status=202, body={"commandId": "id-3"}),)),
    ],
    "order_is_real_time_order": [
        lambda h: swap_revisions(h, 11, 13),  # acknowledged as applied
        lambda h: mistell(  # acknowledged as accepted
            swap_revisions(h, 10, 11), "mark-10", status=202, body={"commandId": "id-10"}
        ),
    ],
    "who_looks_sees_what_is_acknowledged": [
        lambda h: also(h, attempts=(looked(9.9, 5, "running"),)),
        lambda h: also(h, attempts=(looked(9.9, 6, "running"),)),
        lambda h: also(h, attempts=(looked(13.9, 10, "stopped", "paper"),)),
    ],
    "a_frozen_process_delays_no_kill": [
        lambda h: mistell(h, "mark-8", sent_at=3.0),
        lambda h: mistell(h, "mark-8", sent_at=3.0, client="kill-1"),
        lambda h: mistell(h, "mark-8", status=None, body=None),
        lambda h: mistell(while_away(h), "mark-8", status=None, body=None, client="kill-1"),
        # answered in time, and applied too late or not at all
        lambda h: spoil(h, 8, finished_at=NOON + 12.5 * SECOND),
        lambda h: mistell(spoil(h, 8, finished_at=NOON + 12.5 * SECOND), "mark-8", status=202),
        lambda h: mistell(spoil(h, 8, reason=None), "mark-8", status=503, body=ENVELOPE),
    ],
    "every_answer_is_described": [
        lambda h: mistell(h, "mark-x", status=500),
        lambda h: mistell(h, "mark-x", body="<h1>Sorry</h1>"),
    ],
}


def test_a_history_in_which_all_is_well_has_no_violation():
    assert check(fine()) == []


def test_every_rule_has_a_breach():
    assert set(BREACHES) == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize(
    ("rule", "number"), [(rule, number) for rule, found in BREACHES.items() for number in range(len(found))]
)
def test_a_breach_is_found(rule: str, number: int):
    found = check(BREACHES[rule][number](fine()))
    assert rule in {violation.rule for violation in found}, [str(violation) for violation in found]


def test_a_stop_that_kept_a_start_from_happening_is_fine():
    history = fine()
    called_off = {"status": "superseded", "error_code": "superseded"}
    stop = row(18, "stop", "stopped stopped", revision=13, mode="live")
    start = row(
        17,
        "start",
        "stopped superseded",
        revision=None,
        finished_at=stop.finished_at,
        mode="live",
        **called_off,
    )
    assert check(misremember(also(history, start, stop), revision=13)) == []


def test_what_was_issued_while_the_other_was_under_way_may_be_applied_in_either_order():
    history = spoil(swap_revisions(fine(), 10, 11), 11, issued_at=NOON + 10 * SECOND)
    assert check(mistell(history, "mark-11", sent_at=10.2)) == []


def test_a_reconcile_may_be_passed_by_what_was_issued_after_it_was_accepted():
    history = swap_revisions(fine(), 12, 13)
    waiting = {"commandId": "id-12", "state": "stopped", "status": "queued"}
    history = mistell(history, "mark-12", status=202, body=waiting)
    assert not [v for v in check(history) if v.rule == "order_is_real_time_order"]


def test_a_manual_command_that_was_sent_after_the_halt_is_fine():
    assert check(manual(fine(), 7, sent=6.5, said=6.5)) == []


def test_a_command_whose_outcome_is_unknown_may_be_its_own_or_absent():
    own = unknown(fine(), "mark-2", "id-2")
    assert check(own) == []
    assert check(unknown(own, "mark-y", "id-99")) == []


@pytest.mark.parametrize("changes", [{"sent_at": 3.0}, {"status": None, "body": None}])
def test_a_kill_that_nobody_could_answer_is_excused(changes: dict[str, Any]):
    assert check(mistell(while_away(fine()), "mark-8", **changes)) == []


@pytest.mark.parametrize(("said", "breaches"), [(7.5, 1), (307.5, 0)])
def test_a_pause_from_a_clock_that_is_ahead_counts_as_issued_when_it_was_read(
    said: float, breaches: int
) -> None:
    history = manual(spoil(fine(), 10, kind="pause"), 10, sent=7.5, said=said)
    assert len(list(order_rules.nothing_sent_before_a_halt_takes_effect_after_it(history))) == breaches
