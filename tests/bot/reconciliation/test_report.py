"""Which account may be traded on, which evidence counts, and what the report says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from bot.broker.errors import BrokerError, BrokerTimeout
from bot.models import BotConfig, Outcome, Trigger
from bot.reconciliation.evidence import ReadFailed, Reading
from bot.reconciliation.report import MAX_AGE, _is_of_startup, _objection, account_objection
from bot.states import Mode
from tests.bot.fake import an_account
from tests.bot.fake_account import FakeAccount
from tests.bot.reconciliation.books import NOW
from tests.bot.world import World

Fake = World[FakeAccount]
MOMENT = timedelta(microseconds=1)
SUSPENDED: dict[str, Any] = {"trade_suspended_by_user": True}


def objection(world: Fake, *, account_id: str = "an account", mode: Mode = Mode.PAPER, **account: Any) -> str:
    """Why an account must not be traded on in *mode*; empty if it may be."""
    found = an_account(account_id, **account)

    def judge(error: BrokerError | None) -> str:
        return "" if error is None else f"{error.code}: {error}"

    config = world.config
    return judge(world.database.read(lambda session: account_objection(session, found, config, mode)))


# -- the account ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "other"), [(Mode.PAPER, Mode.LIVE), (Mode.LIVE, Mode.PAPER)])
def test_an_account_has_to_be_the_one_of_its_mode_and_not_that_of_the_other(
    fake_world: Fake, mode: Mode, other: Mode
) -> None:
    assert objection(fake_world, mode=mode) == ""
    fake_world.set_config(**{f"{mode}_account_id": "one", f"{other}_account_id": "two"})
    assert objection(fake_world, account_id="one", mode=mode) == ""
    assert objection(fake_world, account_id="three", mode=mode) == (
        f"account_mismatch: The {mode} keys belong to Alpaca account three, but {mode} mode is bound to one."
        " Put the right keys back."
    )
    fake_world.set_config(**{f"{mode}_account_id": None})
    assert objection(fake_world, account_id="two", mode=mode) == (
        f"account_mismatch: The {mode} keys lead to Alpaca account two, which is the account of the other mode."
        " Each mode needs the keys of an account of its own."
    )


def test_new_orders_that_a_kill_has_rejected_block_no_reconciliation_and_nothing_else_is_forgiven(
    fake_world: Fake,
) -> None:
    sentence = "account_blocked: Alpaca does not let the {} account trade: {}."
    assert objection(fake_world, **SUSPENDED) == sentence.format("paper", "trade_suspended_by_user")
    fake_world.set_config(killed_at=NOW)
    assert objection(fake_world, **SUSPENDED) == ""
    assert objection(fake_world, trading_blocked=True) == sentence.format("paper", "trading_blocked")
    assert objection(fake_world, **SUSPENDED, trading_blocked=True, account_blocked=True) == sentence.format(
        "paper", "trading_blocked, account_blocked"
    )
    # the kill is one of the present mode
    assert objection(fake_world, mode=Mode.LIVE, **SUSPENDED) == sentence.format(
        "live", "trade_suspended_by_user"
    )


def test_nor_do_those_whose_suspension_is_about_to_be_taken_off_again_unless_that_failed(
    fake_world: Fake,
) -> None:
    fake_world.sql("INSERT INTO bot_suspension (mode, next_attempt_at) VALUES ('live', now())")
    assert objection(fake_world, mode=Mode.LIVE, **SUSPENDED) == ""
    assert objection(fake_world, mode=Mode.PAPER, **SUSPENDED).startswith("account_blocked")
    fake_world.sql("UPDATE bot_suspension SET error = 'Alpaca said no.'")
    assert objection(fake_world, mode=Mode.LIVE, **SUSPENDED).startswith("account_blocked")


# -- the evidence -----------------------------------------------------------------------------------------------


def test_evidence_counts_for_ten_seconds_to_the_microsecond(fake_world: Fake) -> None:
    config, found = fake_world.config, fake_world.gather()
    assert isinstance(found, Reading)

    def error(evidence: Reading, **columns: Any) -> str:
        for name, value in columns.items():
            setattr(config, name, value)
        now = found.read_at + MAX_AGE
        said = fake_world.database.read(lambda session: _objection(session, config, evidence, now))
        return "" if said is None else f"{said.code}: {said}"

    assert error(found) == ""
    assert error(replace(found, read_at=found.read_at - MOMENT)) == (
        "stale_evidence: What was read at Alpaca was over 10 s old when it came to be judged."
    )
    assert error(found, gate_closed_at=found.began_at) == ""
    assert error(found, gate_closed_at=found.began_at + MOMENT) == (
        "stale_evidence: Alpaca was read before the gate was closed."
    )
    assert error(found, mode=Mode.LIVE) == (
        "stale_evidence: Alpaca was read in paper mode, but the mode is live now."
    )


def test_a_report_that_failed_says_why_and_whose_account_was_read(fake_world: Fake) -> None:
    account_id = fake_world.paper.account()["id"]
    fake_world.paper.account(trading_blocked=True)
    read = fake_world.reconcile(Trigger.MANUAL)
    assert (read.account_id, read.requests, read.error_code) == (account_id, 3, "account_blocked")
    failed = ReadFailed(Mode.PAPER, fake_world.database.now(), BrokerTimeout(), requests=2)
    unread = fake_world.controller.conclude(failed, Trigger.MANUAL)
    assert (unread.account_id, unread.requests, unread.error_code) == (None, 2, "broker_timeout")
    assert unread.error == str(BrokerTimeout())
    assert (unread.started_at, unread.outcome) == (failed.began_at, Outcome.FAILED)


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("closed_by", [None, Trigger.STARTUP, Trigger.MODE_SWITCH])
def test_only_the_attempts_of_a_start_say_that_what_is_missing_was_found_by_it(
    closed_by: Trigger | None, trigger: Trigger
) -> None:
    is_of_startup = closed_by is Trigger.STARTUP and trigger in (Trigger.STARTUP, Trigger.RETRY)
    assert _is_of_startup(BotConfig(gate_closed_by=closed_by), trigger) is is_of_startup


def test_a_report_counts_both_sides_and_what_was_done(fake_world: Fake) -> None:
    def entered(symbol: str, **columns: Any) -> UUID:
        """A trade whose order filled at another price than is recorded."""
        at = fake_world.ago(120)
        order = fake_world.paper.order("new", symbol, 10, at=at)
        fake_world.paper.fill(order, 10, 11, at)
        return fake_world.trade(symbol, 10, alpaca_order_id=order, **columns)

    stay = [fake_world.trade("AAPL", 5, filled=True) for _ in range(2)]
    for number in range(3):
        fake_world.trade(f"VOID{number}", alpaca_order_id=fake_world.paper.order("canceled", f"VOID{number}"))
    stay += [entered("BOUGHT", filled=False), fake_world.trade("GONE", 1)]
    entered("SOLD")
    sold = fake_world.paper.order("new", "SOLD", 10, side="sell")
    fake_world.paper.fill(sold, 10, 12, fake_world.ago(100))
    fake_world.paper.holds(AAPL=10, BOUGHT=10, STRANGE=1)
    report = fake_world.reconcile(Trigger.PERIODIC)
    assert (report.open_trades, report.broker_positions, report.matched) == (8, 3, 3)
    assert (report.corrected, report.booked, report.voided) == (2, 1, 3)
    assert (report.missed, report.suspect, report.in_flight) == (0, 1, 0)
    assert {each["symbol"]: each["kind"] for each in report.differences} == {
        "GONE": "suspect",
        "STRANGE": "unknown_here",
    }
    status = {trade: row["status"] for trade, row in fake_world.trades().items()}
    assert [status.pop(each) for each in stay] == ["open"] * 4
    assert sorted(status.values()) == ["closed", "void", "void", "void"]
