"""In no run is a trade missed while the broker's record explains it, and in no run do booked P&L and the broker's cash
differ by a cent once everything is settled. The figures of a large run are in docs/proofs/reconciliation-property.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.bot.fake_account import FakeAccount
from tests.bot.reconciliation.broker_model import ModelBroker
from tests.bot.reconciliation.memory_books import Clock, MemoryBooks
from tests.bot.reconciliation.postgres_books import PostgresBooks, now
from tests.bot.reconciliation.trading_day import TradingDay
from tests.bot.world import TestDatabase, World

pytestmark = pytest.mark.slow


class DayInMemory(TradingDay):
    struck = Counter()

    def begin(self, *, inherits: bool) -> None:
        self.broker = ModelBroker(Clock(datetime(2026, 11, 20, 15, tzinfo=UTC)), inherits)
        self.books = MemoryBooks(self.broker)


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(150, 40), pytest.param(20_000, 60, marks=[pytest.mark.long, pytest.mark.timeout(3600)])],
)
def test_the_judgement_explains_what_the_brokers_record_explains(
    examples: int, steps: int, capsys: pytest.CaptureFixture[str]
) -> None:
    DayInMemory.struck.clear()
    run_state_machine_as_test(
        DayInMemory,
        settings=search(examples, steps),
    )
    with capsys.disabled():
        show(DayInMemory.struck)


class DayOnPostgres(TradingDay):
    struck = Counter()
    make_world: ClassVar[Callable[..., World[FakeAccount]]]

    def begin(self, *, inherits: bool) -> None:
        self.broker = ModelBroker(now, inherits)
        self.books = PostgresBooks(type(self).make_world(), self.broker)


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(6, 25), pytest.param(400, 40, marks=[pytest.mark.long, pytest.mark.timeout(3600)])],
)
def test_the_real_books_follow_the_broker_over_http(
    make_fake_world: Callable[..., World[FakeAccount]],
    database: TestDatabase,
    examples: int,
    steps: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def make() -> World[FakeAccount]:
        database.reset()
        return make_fake_world(reconcile_requests_per_min=100_000)

    DayOnPostgres.make_world = staticmethod(make)
    DayOnPostgres.struck.clear()
    run_state_machine_as_test(DayOnPostgres, settings=search(examples, steps))
    with capsys.disabled():
        show(DayOnPostgres.struck)


def search(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def show(struck: Counter[str]) -> None:
    print("\n" + "\n".join(f"{count:8} {kind}" for kind, count in struck.most_common()))
