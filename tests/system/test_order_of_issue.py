"""Manual commands are ordered by when they were sent, from the command line to the log."""

import time
from datetime import datetime, timedelta

import pytest

from bot.market_hours import NEW_YORK
from tests.support.messages import Messages
from tests.support.stack import Stack


@pytest.fixture
def messages(stack: Stack) -> Messages:
    return Messages(stack.redis.url)


def test_a_manual_start_that_was_sent_before_a_stop_and_read_after_it_does_not_start_the_bot(stack: Stack):
    stack.worker.freeze()
    called = stack.call("call", "bot.start")
    assert called.returncode == 0, called.stderr
    stack.api().request("POST", "/start", headers={"Prefer": "respond-async"})
    assert stack.api().do("/stop")["state"] == "stopped"
    stack.worker.thaw()
    row = stack.wait_finished(called.stdout.strip(), 10)
    assert (row["status"], row["error_code"]) == ("superseded", "superseded")
    assert row["sent_at"] is not None
    assert stack.status()["state"] == "stopped"


def test_a_message_without_a_time_or_from_the_future_does_not_start_the_bot(stack: Stack, messages: Messages):
    # `celery -b URL call`, which does not know Pitboss's app, sends no headers of ours
    row = stack.wait_finished(messages.send("start", headers={}), 10)
    assert (row["status"], row["error_code"]) == ("rejected", "send_time_missing")
    row = stack.wait_finished(messages.send("start", headers={"pitboss_sent_at": time.time() + 300}), 10)
    assert (row["status"], row["error_code"]) == ("rejected", "send_time_in_future")
    assert stack.status()["state"] == "stopped"


def test_a_command_for_later_is_called_off_by_a_halt_in_between_and_else_applied(stack: Stack):
    applied = stack.call("call", "bot.start", "--countdown", "2").stdout.strip()
    row = stack.wait_finished(applied, 15)
    assert row["status"] == "applied"
    assert (row["issued_at"] - row["sent_at"]).total_seconds() == pytest.approx(2, abs=0.5)
    stack.api().do("/stop")
    called_off = stack.call("call", "bot.start", "--countdown", "3").stdout.strip()
    assert stack.api().request("POST", "/stop").status_code == 400, "it is stopped already"
    assert stack.wait_finished(called_off, 15)["status"] == "superseded"
    assert stack.status()["state"] == "stopped"


def test_a_time_without_an_offset_is_new_yorks(stack: Stack):
    at = (datetime.now(NEW_YORK) + timedelta(seconds=8)).replace(microsecond=0)
    expires = at + timedelta(minutes=1)
    written = [f"{each:%Y-%m-%dT%H:%M:%S}" for each in (at, expires)]
    called = stack.call("call", "bot.reconcile", "--eta", written[0], "--expires", written[1])
    row = stack.wait_finished(called.stdout.strip(), 30)
    assert row["status"] == "applied"
    assert row["issued_at"] == at
