"""In no run is a trade missed while the broker's record explains it, and in no run do booked P&L and the broker's cash
differ by a cent once everything is settled. The figures of a large run are in docs/proofs/reconciliation-property.md."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.bot.reconciliation.broker_model import ModelBroker
from tests.bot.reconciliation.memory_books import Clock, MemoryBooks
from tests.bot.reconciliation.trading_day import TradingDay

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
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
    with capsys.disabled():
        show(DayInMemory.struck)


def show(struck: Counter[str]) -> None:
    print("\n" + "\n".join(f"{count:8} {kind}" for kind, count in struck.most_common()))
