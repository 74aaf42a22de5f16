"""The limits of time that lie inside one another: each one has to leave room for what it contains."""

from __future__ import annotations

import pytest

from bot.alerts import delivery, outbox
from bot.broker import time_limits
from bot.reconciliation.report import MAX_AGE
from bot.status import heartbeat


@pytest.mark.parametrize("name", ["RECONCILIATION", "MODE_SWITCH", "FLATTEN_ROUND", "SUSPENSION"])
def test_a_lease_outlasts_its_wall_which_outlasts_its_calls_which_outlast_one_call(name: str) -> None:
    limits: time_limits.Limits = getattr(time_limits, name)
    call_sec = time_limits.CONNECT_TIMEOUT_SEC + time_limits.READ_TIMEOUT_SEC
    assert limits.lease_sec > limits.wall_sec > limits.budget_sec >= call_sec


def test_an_attempt_to_reconcile_leaves_of_fifteen_seconds_what_it_takes_to_start_and_to_conclude() -> None:
    assert time_limits.RECONCILIATION.wall_sec <= 12


def test_the_reading_for_a_mode_switch_ends_while_it_can_still_be_judged() -> None:
    assert MAX_AGE.total_seconds() > time_limits.MODE_SWITCH.wall_sec


def test_the_lease_of_an_alert_outlasts_its_delivery() -> None:
    assert outbox.LEASE.total_seconds() > delivery.DELIVERY_SEC + delivery.WALL_SEC
    assert delivery.WALL_SEC > delivery.CONNECT_TIMEOUT_SEC + delivery.READ_TIMEOUT_SEC


def test_a_worker_is_offline_after_two_missed_heartbeats_and_lost_later() -> None:
    offline_sec = heartbeat.OFFLINE_AFTER.total_seconds()
    assert 2 * heartbeat.INTERVAL_SEC < offline_sec < heartbeat.LOST_AFTER.total_seconds()
