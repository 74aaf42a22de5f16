"""Nothing slips between the gate's answer and the trade that follows from it: real concurrent transactions.

An open that was told "yes" is held up before it inserts; whatever would make the answer wrong has to wait for it, and
has to see its trade afterwards. The other way round, an open that comes second has to see what came first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from bot.commands.log import NewCommand
from bot.commands.mode_switch import Preflight
from bot.errors import GateClosed, LockBusy
from bot.models import BotTrade, TradeStatus
from bot.states import BotState, CommandKind, CommandStatus, Mode, Source
from bot.status import gate
from bot.storage import locked_bot
from tests.bot.fake import an_account
from tests.bot.ledger_world import World, settings_of
from tests.bot.trading.crowd import pool, world
from tests.support.tables import WAIT_FOR_A_LOCK
from tests.support.waiting import wait_for

__all__ = ["pool", "world"]

pytestmark = pytest.mark.slow


def reserve(world: World) -> BotTrade:
    return world.ledger.open_trade(symbol="ACME", shares=10, entry_price=10)


class Turnstile:
    """Holds up the first who asks the gate, after the answer."""

    def __init__(self) -> None:
        self.answered, self.go = threading.Event(), threading.Event()

    @contextmanager
    def installed(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Turnstile]:
        judge = gate.judge

        def slowly(*args: Any) -> gate.Gate:
            answer = judge(*args)
            if not self.answered.is_set():
                self.answered.set()
                assert self.go.wait(60)
            return answer

        monkeypatch.setattr(gate, "judge", slowly)
        try:
            yield self
        finally:
            self.go.set()


def assert_waits(world: World, coming: Future[Any]) -> None:
    """Returns when somebody waits for a lock; *coming* must not be done without it."""

    def seen() -> bool:
        return coming.done() or world.database.read(
            lambda session: bool(session.execute(text(WAIT_FOR_A_LOCK)).all())
        )

    wait_for(seen, 5, "it waits for the lock")
    assert not coming.done(), "it did not wait"


def after_the_answer(
    world: World,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    other: Callable[[], Any],
) -> tuple[Future[BotTrade], Future[Any]]:
    """An open that got its yes, and *other*, which came between the answer and the insert; both are done."""
    with Turnstile().installed(monkeypatch) as turnstile:
        opening = pool.submit(reserve, world)
        assert turnstile.answered.wait(15)
        coming = pool.submit(other)
        assert_waits(world, coming)
    opening.exception(15), coming.exception(15)
    return opening, coming


def before_it(world: World, pool: ThreadPoolExecutor, first: Callable[[Session], object]) -> Future[BotTrade]:
    """An open that came while *first* held the lock and had not committed yet."""
    with Session(world.database.engine) as session:
        session.execute(text("SELECT FROM bot_config FOR UPDATE"))
        first(session)
        opening = pool.submit(reserve, world)
        assert_waits(world, opening)
        session.commit()
    opening.exception(15)
    return opening


# -- an open that was first -----------------------------------------------------------------------------------


@pytest.mark.parametrize("halt", ["stop", "kill", "pause"])
def test_a_halt_waits_for_the_open_that_got_its_yes(
    world: World, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, halt: str
) -> None:
    opening, halting = after_the_answer(world, pool, monkeypatch, lambda: world.do(halt))
    assert opening.result().status is TradeStatus.OPEN
    assert halting.result().status is CommandStatus.APPLIED
    assert world.config().state is (BotState.PAUSED if halt == "pause" else BotState.STOPPED)
    with pytest.raises(GateClosed):
        reserve(world)


def test_a_mode_switch_waits_for_the_open_and_is_refused_because_of_it(
    world: World, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = NewCommand(
        kind=CommandKind.SET_MODE, actor="tests", source=Source.API, params={"mode": "live"}, id=uuid4()
    )
    # The settings say MARKET_HOURS=always, which live mode refuses; here it is about the open trade alone.
    nyse = World(settings_of(str(world.settings.database_url), market_hours="nyse"))

    def switch() -> None:
        nyse.do("stop")
        nyse.controller.submit(wanted)
        preflight = Preflight(Mode.PAPER, Mode.LIVE, nyse.database.now(), (), an_account("live"))
        nyse.controller.apply(evidence={wanted.id: preflight})

    opening, _ = after_the_answer(world, pool, monkeypatch, switch)
    assert opening.result().mode is Mode.PAPER
    command = nyse.controller.find(wanted.id)
    nyse.close()
    assert command is not None
    assert (command.status, command.error_code) == (CommandStatus.REJECTED, "positions_open")
    assert world.config().mode is Mode.PAPER


def test_a_second_open_waits_for_the_first_and_sees_its_place_taken(
    world: World, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.do("update_config", maxConcurrentPositions=1)
    opening, second = after_the_answer(world, pool, monkeypatch, lambda: reserve(world))
    assert opening.result().status is TradeStatus.OPEN
    assert isinstance(refusal := second.exception(), GateClosed)
    assert refusal.reasons == ("max_positions",)


def test_a_losing_close_waits_for_the_open_that_got_its_yes(
    world: World, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    loser = world.open_filled(shares=100)
    opening, closing = after_the_answer(
        world,
        pool,
        monkeypatch,
        lambda: world.ledger.close_trade(loser.id, exit_price=5, exit_reason="hard_stop"),
    )
    assert opening.result().status is TradeStatus.OPEN
    assert closing.result().pnl == -500
    assert world.reasons() == ["daily_loss"]


# -- an open that was second ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "reasons"),
    [
        ("UPDATE bot_config SET state = 'stopped'", ["not_running"]),
        (
            "UPDATE bot_config SET state = 'stopped', enabled = false, killed_at = now()",
            ["disabled", "killed", "not_running"],
        ),
        ("UPDATE bot_config SET mode = 'live', reconciled_at = NULL", ["not_reconciled"]),
        (
            "INSERT INTO bot_trade (symbol, entry_price, shares) SELECT 'A', 1, 1 FROM generate_series(1, 3)",
            ["max_positions"],
        ),
        (
            "INSERT INTO bot_daily_stats (date, mode, realized_pnl)"
            " VALUES ((now() AT TIME ZONE 'America/New_York')::date, 'paper', -500)",
            ["daily_loss"],
        ),
    ],
    ids=["stop", "kill", "set_mode", "max_positions", "daily_loss"],
)
def test_an_open_sees_what_was_committed_while_it_waited(
    world: World, pool: ThreadPoolExecutor, statement: str, reasons: list[str]
) -> None:
    opening = before_it(world, pool, lambda session: session.execute(text(statement)))
    assert isinstance(refusal := opening.exception(), GateClosed)
    assert [reason for reason in refusal.reasons if reason != "market_closed"] == reasons


# -- who holds the lock too long ------------------------------------------------------------------------------


def test_an_open_gets_past_a_program_that_idles_while_it_holds_the_lock(world: World) -> None:
    with Session(world.database.engine) as session:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        session.execute(text("SELECT FROM bot_config FOR UPDATE"))
        assert reserve(world).status is TradeStatus.OPEN
        session.invalidate()  # its connection was ended
    assert world.count_trades() == 1


def test_an_open_that_cannot_have_the_lock_opens_nothing(
    world: World, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locked_bot, "LOCK_PATIENCE_SEC", 0.0)
    locked = threading.Event()

    def work() -> None:
        with Session(world.database.engine) as session, suppress(DBAPIError):
            session.execute(text("SELECT FROM bot_config FOR UPDATE"))
            locked.set()
            session.execute(text("SELECT pg_sleep(60)"))

    working = pool.submit(work)
    assert locked.wait(15)
    with pytest.raises(LockBusy, match="Another process holds the lock"):
        reserve(world)
    assert not working.done(), "nobody who works is ended"
    world.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'")
    working.result(15)
    assert world.count_trades() == 0


def test_a_kill_gets_through_when_a_program_freezes_in_the_middle_of_an_open(
    world: World, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Turnstile().installed(monkeypatch) as turnstile:
        opening = pool.submit(reserve, world)
        assert turnstile.answered.wait(15)
        world.do("kill")
        assert world.config().killed
    # its connection was ended; the second attempt, on a fresh one, asks the gate anew
    assert isinstance(opening.exception(15), GateClosed)
    assert world.count_trades() == 0
