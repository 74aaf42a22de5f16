"""Which attempt is due, what it may cost, and which of two decides, at the very limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from bot.models import BotConfig
from bot.reconciliation import schedule
from bot.states import BotState
from tests.bot.reconciliation.books import NOW
from tests.bot.world import World

SECOND = timedelta(seconds=1)


@pytest.fixture
def sixty(make_world: Callable[..., World]) -> World:
    """A bot that may make sixty requests a minute, with an attempt due."""
    return make_world(reconcile_requests_per_min=60)


def made(world: World, requests: Mapping[float, int]) -> None:
    """Attempts of the past, oldest first: so many seconds ago, and their requests."""
    for ago, count in requests.items():
        world.sql(
            "INSERT INTO bot_reconciliation (trigger, mode, started_at, outcome, requests)"
            " VALUES ('periodic', 'paper', clock_timestamp() - make_interval(secs => %s), 'ok', %s)",
            [ago, count],
        )


def is_claimed(world: World) -> bool:
    world.sql("UPDATE bot_config SET reconcile_due_at = clock_timestamp()")
    return world.controller.claim_reconciliation() is not None


@pytest.mark.parametrize(
    ("requests", "may_go_on"),
    [
        ({5: 57}, False),
        ({90: 57, 5: 3}, True),
        ({10: 54, 5: 3}, True),
        ({10: 55, 5: 3}, False),
        ({10: 20, 5: 20}, True),
        ({10: 20, 5: 21}, False),
        ({10: 19, 5: 21}, False),
        # one that made more than a minute allows must not be the last one ever
        ({90: 500}, True),
        # one that repeats a report for another command cost nothing, and says nothing about the next one
        ({10: 20, 5: 21, 2: 0}, False),
        # a report of a minute that is still to come is from before the clock was put back
        ({-90: 58, 10: 3}, True),
    ],
)
def test_an_attempt_is_made_if_as_many_requests_as_the_last_one_made_are_left(
    sixty: World, requests: Mapping[float, int], may_go_on: bool
) -> None:
    made(sixty, requests)
    assert is_claimed(sixty) is may_go_on


def test_only_the_last_attempts_are_added_up_however_many_there_are(sixty: World) -> None:
    sixty.sql(
        "INSERT INTO bot_reconciliation (trigger, mode, started_at, outcome, requests)"
        " SELECT 'periodic', 'paper', clock_timestamp() - interval '5 s', 'ok', CASE WHEN n = 1 THEN 58 ELSE 0 END"
        " FROM generate_series(1, %s) AS n",
        [schedule.MOST_ATTEMPTS],
    )
    assert not is_claimed(sixty)
    made(sixty, {2: 0})
    sixty.sql(
        "UPDATE bot_reconciliation SET requests = 3 WHERE id = (SELECT max(id) FROM bot_reconciliation)"
    )
    assert is_claimed(sixty)


@pytest.mark.parametrize(
    ("due_in", "is_due"), [(None, True), (-1, True), (60, False), (340, False), (460, True), (90_000, True)]
)
def test_a_time_that_no_attempt_is_ever_due_at_is_from_before_the_clock_was_put_back(
    world: World, due_in: float | None, is_due: bool
) -> None:
    world.sql(
        "UPDATE bot_config SET reconcile_due_at = clock_timestamp() + make_interval(secs => %s)", [due_in]
    )
    assert (world.controller.claim_reconciliation() is not None) is is_due


def test_what_an_attempt_is_told_apart_by_counts_from_the_moment_after_it_began_to_now() -> None:
    config = BotConfig(gate_closed_at=NOW, reconcile_began_at=NOW, reconcile_due_at=NOW)
    for rule in (schedule.is_older_than_gate, schedule.is_overtaken, schedule.was_asked_since):
        assert rule(config, NOW - SECOND, NOW + SECOND)
        assert rule(config, NOW - SECOND, NOW)
        assert not rule(config, NOW, NOW + SECOND)
        assert not rule(config, NOW - 2 * SECOND, NOW - SECOND)
        assert not rule(BotConfig(), NOW - SECOND, NOW + SECOND)


@pytest.mark.parametrize("state", BotState)
def test_a_stopped_bot_is_looked_at_every_five_minutes_any_other_one_as_it_is_set(
    world: World, state: BotState
) -> None:
    every = schedule.interval(world.settings, state)
    assert every == timedelta(seconds=300 if state is BotState.STOPPED else 60)
