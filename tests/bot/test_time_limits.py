"""The limits of time that lie inside one another: each one has to leave room for what it contains."""

from __future__ import annotations

from bot.alerts import delivery, outbox
from bot.broker import alpaca_http
from bot.commands import mode_switch
from bot.reconciliation import evidence, schedule
from bot.reconciliation.report import MAX_AGE
from bot.status import heartbeat


def test_an_attempt_to_reconcile_outlasts_its_reading_which_outlasts_its_calls() -> None:
    read_sec = alpaca_http.CONNECT_TIMEOUT_SEC + alpaca_http.READ_TIMEOUT_SEC
    assert schedule.ATTEMPT_SEC > evidence.WALL_SEC > evidence.BROKER_BUDGET_SEC > read_sec


def test_the_reading_for_a_mode_switch_ends_while_it_can_still_be_judged() -> None:
    read_sec = alpaca_http.CONNECT_TIMEOUT_SEC + alpaca_http.READ_TIMEOUT_SEC
    assert MAX_AGE.total_seconds() > mode_switch.WALL_SEC > mode_switch.BROKER_BUDGET_SEC > read_sec
    assert schedule.ATTEMPT_SEC > mode_switch.WALL_SEC


def test_the_lease_of_an_alert_outlasts_its_delivery() -> None:
    assert outbox.LEASE.total_seconds() > delivery.DELIVERY_SEC + delivery.WALL_SEC
    assert delivery.WALL_SEC > delivery.CONNECT_TIMEOUT_SEC + delivery.READ_TIMEOUT_SEC


def test_a_worker_is_offline_after_two_missed_heartbeats_and_lost_later() -> None:
    offline_sec = heartbeat.OFFLINE_AFTER.total_seconds()
    assert 2 * heartbeat.INTERVAL_SEC < offline_sec < heartbeat.LOST_AFTER.total_seconds()
