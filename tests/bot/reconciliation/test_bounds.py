"""An attempt ends whatever Alpaca does, and needs few statements when there is much to do."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from bot.broker.errors import BrokerTimeout
from bot.broker.readings import Order
from bot.commands import mode_switch
from bot.commands.controller import Controller
from bot.commands.mode_switch import Preflight
from bot.models import Outcome, Trigger
from bot.reconciliation.evidence import Evidence, Reading
from bot.reconciliation.record import BrokerRecord
from bot.runtime import timeout
from bot.states import Mode
from bot.storage import database
from bot.storage.database import Database
from bot.storage.pipeline import Pipeline
from tests.bot import fake
from tests.bot.world import World, settings_for
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

PLACES: dict[str, dict[str, Any]] = {
    "account": {"path": "/v2/account"},
    "clock": {"path": "/v2/clock"},
    "positions": {"path": "/v2/positions"},
    "order": {"path": "/v2/orders"},
    "fills": {"path": "/v2/account/activities"},
}
HANGS: dict[str, dict[str, Any]] = {
    "no answer": {"kind": "timeout"},
    "5 s late": {"kind": "slow", "seconds": 5},
    "a byte a second": {"kind": "drip"},
}


def test_every_attempt_ends_whatever_alpaca_does(make_world: Callable[..., World]) -> None:
    """All at once, each with an account of its own, so that the whole takes no longer than the slowest. The limits themselves are
    compared in tests/bot/test_time_limits.py."""
    first = make_world()
    order = "22222222-2222-2222-2222-222222222222"
    first.trade("AAPL", 10)
    first.trade("GONE", 5, alpaca_order_id=order)
    worlds: dict[str, World] = {}
    rules: list[dict[str, Any]] = []
    for hang, place in ((hang, place) for hang in HANGS for place in PLACES):
        world = worlds[f"{hang}, {place}"] = make_world()
        world.paper.holds(AAPL=10)
        world.paper.order("filled", "GONE", 5, id=order)
        rules.append({**HANGS[hang], **PLACES[place], "key": world.paper.key})
    first.paper.control("PUT", "/faults", rules)
    with ExitStack() as servers:
        for name, server in {
            "raw: takes the request and never answers": fake.serve_raw(fake.silent),
            "raw: headers drip": fake.serve_raw(fake.drip_headers),
            "raw: body drips": fake.serve_raw(fake.drip_body),
            "raw: never takes the connection": fake.deaf(),
        }.items():
            worlds[name] = make_world(alpaca_paper_url=servers.enter_context(server))
        before = first.trades()
        pool = Database.connect(settings_for(first.database_url), pool_size=len(worlds))

        def attempt(world: World) -> Evidence:
            world.database = pool
            return world.gather()

        def preflight(live_url: str) -> Preflight:
            world = make_world(live=True, alpaca_live_url=live_url)
            return mode_switch.gather(pool, world.settings, Mode.LIVE)

        with ThreadPoolExecutor(len(worlds) + 1) as threads:
            dripping = worlds["raw: headers drip"].settings.alpaca_paper_url
            checking = threads.submit(preflight, dripping)
            attempts = threads.map(attempt, worlds.values())
            wait_for(stuck, 5, "a call that hangs is seen")
            done = dict(zip(worlds, attempts, strict=True))
            assert isinstance(checking.result().error, BrokerTimeout)
        for name, evidence in done.items():
            report = worlds[name].controller.conclude(evidence, Trigger.STARTUP)
            assert report.outcome is Outcome.FAILED, name
            assert first.trades() == before, name
            assert not first.reconciled(), name
        # nobody is left behind: a bot that retries every minute must not fill up with stuck calls
        wait_for(
            lambda: not stuck(), 5, "the calls that were given up have ended", evidence=lambda: str(stuck())
        )
    pool.close()


def stuck() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == timeout.THREAD]


@pytest.fixture
def world(make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world whose transactions may idle: on a busy machine Postgres would end the one in which this program looks through ten
    thousand rows, and the attempt would be made again. How long that takes is for the benchmark to say."""
    world = make_world()
    monkeypatch.setattr(database, "IDLE_IN_TRANSACTION_MS", 60_000)
    with closing(Database.connect(world.settings, pool_size=4)) as world.database:
        world.controller = Controller(world.database, world.settings)
        yield world


@pytest.mark.parametrize("differing", [0, 100])
def test_ten_thousand_trades(world: World, monkeypatch: pytest.MonkeyPatch, differing: int) -> None:
    count, gone = int(os.environ.get("RECONCILE_TRADES", "10000")), 100
    world.sql(
        "INSERT INTO bot_trade (symbol, entry_price, shares, created_at, entry_at)"
        " SELECT 'S' || n, 10, 5, now() - interval '2 minutes', now() - interval '2 minutes' FROM generate_series(1, %s) AS n",
        [count],
    )
    world.sql("ANALYZE bot_trade")
    world.paper.holds_all({f"S{n}": 6 if n > count - differing else 5 for n in range(gone + 1, count + 1)})
    world.reconcile()
    world.age_suspects()
    statements: list[str] = []
    execute = Pipeline._execute
    record = lambda _, __, sql, *___: statements.append(sql)  # noqa: E731
    event.listen(world.database.engine, "before_cursor_execute", record)

    def noted(batch: Pipeline, message: str, *values: Any) -> Any:
        statements.extend(message.split("; "))
        return execute(batch, message, *values)

    monkeypatch.setattr(Pipeline, "_execute", noted)
    evidence = world.gather()
    report = world.controller.conclude(evidence, Trigger.STARTUP)
    event.remove(world.database.engine, "before_cursor_execute", record)
    assert isinstance(evidence, Reading)
    assert (report.open_trades, report.missed, report.matched) == (count, gone, count - gone - differing)
    assert len(report.differences) == differing
    assert len(statements) < 30, "bulk statements, not one for each trade"
    assert world.reconciled() is (differing == 0)
    counts = world.sql("SELECT status, count(*) FROM bot_trade GROUP BY status ORDER BY status")
    assert [(row["status"], row["count"]) for row in counts] == [("missed", gone), ("open", count - gone)]


def test_ten_thousand_missing_trades_of_one_symbol(world: World) -> None:
    world.sql(
        "INSERT INTO bot_trade (symbol, entry_price, shares, created_at, entry_at)"
        " SELECT 'GONE', 10, 5, now() - interval '2 minutes', now() - interval '2 minutes' FROM generate_series(1, 10000)"
    )
    statements: list[str] = []
    note = lambda _, __, sql, *___: statements.append(sql)  # noqa: E731
    event.listen(world.database.engine, "before_cursor_execute", note)
    assert world.reconcile_twice().missed == 10_000
    event.remove(world.database.engine, "before_cursor_execute", note)
    assert len(statements) < 60, "bulk statements, not one for each trade"
    assert world.sql("SELECT count(*) FROM bot_trade_event WHERE kind = 'missed'")[0]["count"] == 10_000


def test_ten_thousand_entries_that_never_filled_are_void_in_bulk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sql(
        "INSERT INTO bot_trade (symbol, entry_price, shares, filled, created_at, entry_at, alpaca_order_id)"
        " SELECT 'NEVER', 10, 5, false, now() - interval '2 minutes', now() - interval '2 minutes',"
        " gen_random_uuid() FROM generate_series(1, 10000)"
    )
    found = world.gather()
    assert isinstance(found, Reading)
    orders = [
        Order(
            id=str(trade.order_id),
            client_order_id="",
            symbol="NEVER",
            asset_id="",
            side=1,
            status="canceled",
            quantity=Decimal(5),
            filled=Decimal(0),
            average_price=None,
            submitted_at=None,
            filled_at=None,
            replaces=None,
            replaced_by=None,
        )
        for trade in found.trades
    ]
    record = BrokerRecord({each.id: each for each in orders}, {}, ())
    statements: list[str] = []
    note = lambda _, __, sql, *___: statements.append(sql)  # noqa: E731
    event.listen(world.database.engine, "before_cursor_execute", note)
    report = world.controller.conclude(
        replace(found, record=record, read_at=world.database.now()), Trigger.STARTUP
    )
    event.remove(world.database.engine, "before_cursor_execute", note)
    assert (report.error, report.voided, report.differences) == (None, 10_000, [])
    assert len(statements) < 30, "bulk statements, not one for each trade"
    assert world.reconciled()
