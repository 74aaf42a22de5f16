"""The client against the real system: what it returns, what it raises, and that nothing is lost or done twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import requests

import client
from client import Pitboss
from tests.support.client import TOKENS
from tests.support.process import Process
from tests.support.stack import Stack
from tests.support.waiting import wait_for

ORDER = "904837e3-3b76-47ec-b432-046db621571b"


@pytest.fixture
def bot(stack: Stack) -> Iterator[Pitboss]:
    with Pitboss(stack.url, TOKENS["operator"]) as made:
        yield made


@pytest.fixture
def connect() -> Iterator[Callable[..., Pitboss]]:
    """Makes clients, and closes them."""
    with ExitStack() as opened:
        yield lambda *arguments, **options: opened.enter_context(Pitboss(*arguments, **options))


@contextmanager
def frozen(process: Process) -> Iterator[None]:
    process.freeze()
    try:
        yield
    finally:
        process.thaw()


# -- commands -------------------------------------------------------------------------------------------------


def test_a_command_returns_what_it_led_to(bot: Pitboss):
    started = bot.start(reason="from Python")
    assert (started.state, started.status) == ("running", "applied")
    assert bot.command(started).reason == "from Python"
    assert [bot.pause().state, bot.resume().state, bot.stop().state] == ["paused", "running", "stopped"]
    assert bot.update_config(max_concurrent_positions=4).max_concurrent_positions == 4
    assert bot.set_mode("paper").mode == "paper"
    report = bot.reconcile().reconciliation
    assert report is not None
    assert report.outcome == "ok"


def test_what_is_not_allowed_is_an_error_of_its_code(
    connect: Callable[..., Pitboss], bot: Pitboss, stack: Stack
):
    with pytest.raises(client.InvalidTransition, match="stop is allowed when") as stopped:
        bot.stop()
    assert stopped.value.command_id is not None
    bot.kill(reason="a test")
    with pytest.raises(client.Killed):
        bot.start()
    with pytest.raises(client.InvalidInput) as wrong:
        bot.update_config(max_concurrent_positions=-1)
    assert list(wrong.value.fields) == ["maxConcurrentPositions"]
    with pytest.raises(client.NotFound):
        bot.command(uuid4())
    with pytest.raises(client.NotAllowed):
        connect(stack.url, TOKENS["viewer"]).start()


def test_a_kill_names_what_stays_open(bot: Pitboss, stack: Stack):
    stack.broker.positions(SOIL=5)
    bot.reconcile()
    killed = bot.kill(reason="now")
    assert killed.stays_open is not None
    assert [(each.symbol, each.shares) for each in killed.stays_open.positions] == [("SOIL", Decimal(5))]


def test_a_command_that_waits_is_waited_for(bot: Pitboss, stack: Stack):
    with frozen(stack.worker):
        asked = bot.start(wait=False)
        assert asked.status == "queued"
        with pytest.raises(client.StillPending, match="still queued"):
            bot.wait(asked, timeout_sec=0.5)
    assert bot.wait(asked).to_state == "running"
    assert bot.wait(asked.command_id).status == "applied"


def test_the_whole_answer_comes_also_after_a_202(bot: Pitboss, stack: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("client.commands.ASK_SEC", 0.0)
    changed = bot.update_config(max_concurrent_positions=5)
    assert (changed.status, changed.max_concurrent_positions) == ("applied", 5)


def test_an_expired_command_is_an_error_that_says_expired(bot: Pitboss, stack: Stack):
    stack.worker.kill()
    asked = bot.start(wait=False)
    stack.sql("UPDATE bot_command SET expires_at = clock_timestamp() WHERE id = %s", [str(asked.command_id)])
    stack.start_worker(wait=False)
    with pytest.raises(client.Expired, match="expired") as expired:
        bot.wait(asked)
    assert expired.value.command is not None
    assert expired.value.command.status == "expired"
    stack.wait_worker()
    assert bot.status().state == "stopped"


def test_a_superseded_command_is_an_error_that_says_so(bot: Pitboss, stack: Stack):
    with frozen(stack.worker):
        asked = bot.start(wait=False)
        bot.kill()
    with pytest.raises(client.Superseded):
        bot.wait(asked)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of all requests from now on."""
    made: list[str] = []
    send = requests.Session.request

    def request(session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        made.append(url)
        return send(session, method, url, **options)

    monkeypatch.setattr(requests.Session, "request", request)
    return made


# -- what is not heard ----------------------------------------------------------------------------------------


def test_a_frozen_web_is_asked_until_it_answers_and_the_command_is_one(
    bot: Pitboss, stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("client.transport.READ_TIMEOUT_SEC", 0.3)
    monkeypatch.setattr("client.commands.ASK_SEC", 0.0)
    attempts = counted(monkeypatch)
    heard: list[object] = []
    starting = threading.Thread(target=lambda: heard.append(bot.start(reason="through the ice")))
    with frozen(stack.web):
        starting.start()
        wait_for(lambda: len(attempts) >= 3, 10, "several attempts have run out")
        assert heard == []
    starting.join(20)
    [started] = heard
    assert getattr(started, "state", None) == "running"
    assert [row["kind"] for row in stack.commands() if row["reason"] == "through the ice"] == ["start"]


def test_a_web_that_is_away_is_waited_for(bot: Pitboss, stack: Stack):
    stack.web.kill()
    back = threading.Thread(target=stack.start_web)
    back.start()
    try:
        assert bot.start().state == "running"
    finally:
        back.join()


def test_what_never_left_is_told_from_what_may_have_arrived(
    connect: Callable[..., Pitboss], stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    hasty = connect(stack.url, TOKENS["operator"], patience_sec=1)
    monkeypatch.setattr("client.transport.READ_TIMEOUT_SEC", 0.2)
    monkeypatch.setattr("client.commands.ASK_SEC", 0.0)
    with frozen(stack.web), pytest.raises(client.OutcomeUnknown) as unknown:
        hasty.start(reason="perhaps")
    assert unknown.value.key
    monkeypatch.undo()
    assert hasty.start(reason="perhaps", key=unknown.value.key).state == "running"
    assert len([row for row in stack.commands() if row["reason"] == "perhaps"]) == 1
    nobody = connect("http://127.0.0.1:1", "token", patience_sec=0)
    with pytest.raises(client.Unavailable, match="does not answer") as away:
        nobody.start()
    assert not isinstance(away.value, client.OutcomeUnknown)


def test_the_same_key_is_the_same_command(bot: Pitboss):
    first = bot.start(key="once-and-for-all")
    bot.stop()
    assert bot.start(key="once-and-for-all").command_id == first.command_id
    assert bot.status().state == "stopped"


def test_something_else_at_the_address_is_said_to_be_no_pitboss(
    connect: Callable[..., Pitboss], stack: Stack
):
    with pytest.raises(client.PitbossError, match="no answer of Pitboss"):
        connect(stack.broker.url, "token", patience_sec=0).status()


# -- trades ---------------------------------------------------------------------------------------------------


def test_a_trade_from_its_reservation_to_its_end(bot: Pitboss):
    bot.start()
    with bot.trade("SOIL", shares=5, price="9.10", catalyst_tier=2) as trade:
        trade.ordered(ORDER)
        trade.filled(price=Decimal("9.12"), shares=5, at=datetime.now(UTC))
        trade.exiting("profit_target")
        trade.exited(shares=2, price="9.31", order_id=str(uuid4()))
        trade.closed(price="9.40", order_id=str(uuid4()))
    assert (trade.now.status, trade.now.exited_shares) == ("closed", Decimal(5))
    assert trade.now.pnl == Decimal("1.22")
    assert bot.correct_trade(trade.id, price="9.33", why="the average").exit_price == Decimal("9.33")
    assert [event.kind for event in bot.trade_events(trade.id)][-1] == "opened"
    assert bot.find_trade(trade.id).status == "closed"


def test_a_trade_of_which_nothing_was_ordered_is_void(bot: Pitboss):
    bot.start()
    with bot.trade("SOIL", shares=5, price="9.10") as trade:
        pass
    assert (trade.now.status, trade.now.note) == ("void", "Nothing was ordered.")


def test_a_trade_that_breaks_off_is_left_for_reconciliation_to_judge(bot: Pitboss):
    bot.start()
    with pytest.raises(ZeroDivisionError), bot.trade("SOIL", shares=5, price="9.10") as trade:
        raise ZeroDivisionError
    assert bot.find_trade(trade.id).status == "open"


def test_a_closed_gate_says_every_reason(bot: Pitboss):
    with pytest.raises(client.GateClosed) as closed, bot.trade("SOIL", shares=5, price="9.10"):
        pass
    assert {"disabled", "not_running"} <= set(closed.value.reasons)


# -- reading --------------------------------------------------------------------------------------------------


def test_a_list_goes_on_over_its_pages(bot: Pitboss, monkeypatch: pytest.MonkeyPatch):
    for _ in range(4):
        bot.start()
        bot.stop()
    monkeypatch.setattr("client.reading.PAGE", 3)
    seqs = [command.seq for command in bot.commands(kind=["start", "stop"], limit=8)]
    assert len(seqs) == 8
    assert seqs == sorted(seqs, reverse=True)
    assert [command.kind for command in bot.commands(kind="stop", limit=2)] == ["stop", "stop"]
    assert len(list(bot.daily_stats(since=datetime.now(UTC).date()))) <= 2
    assert next(bot.reconciliations(verdict="agrees")).outcome == "ok"


def test_money_is_exact(bot: Pitboss):
    assert bot.config().position_size_usd == Decimal("500")
    assert isinstance(bot.status().today_realized_pnl, Decimal)
    assert bot.account().equity is not None
    assert bot.positions().read_at is not None
    assert bot.flatten_progress().is_at_work is False


def test_events_go_on_over_a_restart_of_web(bot: Pitboss, stack: Stack):
    states: list[str] = []
    breaks: list[client.PitbossError] = []

    def listen() -> None:
        with Pitboss(stack.url, TOKENS["viewer"]) as viewer:
            for status in viewer.events(lost=breaks.append):
                states.append(status.state)
                if status.state == "paused":
                    return

    listening = threading.Thread(target=listen)
    listening.start()
    wait_for(lambda: states, 10, "the first status")
    bot.start()
    wait_for(lambda: "running" in states, 10, "the change arrives")
    stack.web.kill()
    stack.start_web()
    bot.pause()
    listening.join(20)
    assert not listening.is_alive()
    assert breaks


def test_events_of_a_wrong_token_are_refused_at_once(connect: Callable[..., Pitboss], stack: Stack):
    with pytest.raises(client.NotAllowed):
        next(connect(stack.url, "not a token of it").events())


def test_a_time_without_its_offset_is_refused(connect: Callable[..., Pitboss]):
    with pytest.raises(ValueError, match="offset"):
        connect("http://127.0.0.1:1", "token").open_trade("A", shares=1, price=1, at=datetime(2026, 11, 20))  # noqa: DTZ001 - that is the fault
