"""Guessing tokens is slowed down, and never keeps out who was in."""

import pytest

from web.auth.throttle import MOST_ADDRESSES, MOST_FAILURES, WINDOW_SEC, Attempts, TooManyFailures


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(clock) -> Attempts:
    return Attempts(clock)


def exhaust(attempts: Attempts, address: str = "1.1.1.1") -> None:
    for _ in range(MOST_FAILURES):
        attempts.judge(address, None)


def test_after_too_many_failures_an_address_has_to_wait_even_with_a_right_token(attempts, clock):
    exhaust(attempts)
    with pytest.raises(TooManyFailures) as refused:
        attempts.judge("1.1.1.1", None)
    assert refused.value.wait_sec == pytest.approx(WINDOW_SEC)
    with pytest.raises(TooManyFailures):
        attempts.judge("1.1.1.1", "operator")
    clock.now += WINDOW_SEC
    attempts.judge("1.1.1.1", "operator")


def test_another_address_is_not_held_up(attempts):
    exhaust(attempts)
    attempts.judge("2.2.2.2", "operator")


def test_who_was_let_in_from_there_before_is_never_locked_out(attempts):
    attempts.judge("1.1.1.1", "operator")
    exhaust(attempts)
    attempts.judge("1.1.1.1", "operator")
    with pytest.raises(TooManyFailures):
        attempts.judge("1.1.1.1", "viewer")


def test_what_is_urgent_is_held_up_for_wrong_tokens_only(attempts):
    exhaust(attempts)
    with pytest.raises(TooManyFailures):
        attempts.judge("1.1.1.1", None, urgent=True)
    attempts.judge("1.1.1.1", "operator", urgent=True)


def test_failures_that_are_spread_out_are_not_held_against_anybody(attempts, clock):
    for _ in range(MOST_FAILURES * 3):
        attempts.judge("1.1.1.1", None)
        clock.now += WINDOW_SEC / MOST_FAILURES + 0.1


def test_the_memory_for_addresses_is_bounded(attempts):
    for number in range(MOST_ADDRESSES + 100):
        attempts.judge(f"address-{number}", None)
        attempts.judge(f"address-{number}", "operator")
    assert len(attempts._failures) == len(attempts._known) == MOST_ADDRESSES
