"""Reconciliation in one process, by Pitboss's own code, from gathering to the commit; one trade in a hundred is missing."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, TypeVar

import psycopg2

from tools.bench import filling
from tools.bench.baselines import parse_and_update
from tools.bench.database import Database
from tools.bench.errors import BenchError
from tools.bench.lab import Lab
from tools.bench.pitboss import KEY, SECRET
from tools.bench.reconciler import Reconciler, Took
from tools.bench.row import Group, Row, at_most
from tools.bench.series import Series

T = TypeVar("T")

#: One trade in so many is missing.
MISSING_EACH = 100


def run(lab: Lab) -> list[Row]:
    lab.crew.only()
    sizes = lab.sizes.open_trades
    return [row for count in sizes for row in _with(lab, count, is_last=count == sizes[-1])]


def _with(lab: Lab, count: int, *, is_last: bool) -> list[Row]:
    database = Database(lab.servers.pitboss_database(f"reconcile_{count}"))
    symbols = filling.open_trades(database, count)
    missing = symbols[::MISSING_EACH]
    gone = set(missing)
    lab.sandbox.hold(KEY, [symbol for symbol in symbols if symbol not in gone], filling.SHARES)
    positions = lab.sandbox.positions(KEY, SECRET)
    ids = [str(row[0]) for row in database.rows("SELECT id FROM bot_trade WHERE symbol = ANY(%s)", [missing])]

    with Reconciler(database.url, lab.sandbox.url, lab.directory) as reconciler:

        def ours() -> Took:
            took = _restored(database, reconciler.run, suspects=ids)
            if took.missed != len(missing):
                raise BenchError(f"{took.missed} trades were missed instead of {len(missing)}: {took.error}")
            return took

        def theirs() -> float:
            return _restored(database, lambda: _parse_and_update(database, positions, ids))

        done: dict[str, list[Any]] = lab.take_turns({"ours": ours, "bare": theirs})
    return _rows(count, is_last, done["ours"], Series.of(done["bare"]))


def _rows(count: int, is_last: bool, ours: list[Took], bare: Series) -> list[Row]:
    against = "parsing the same JSON + one UPDATE of the same rows"
    of = f"{count:,} open trades, 1 % missing"

    def row(what: str, value: Callable[[Took], float], unit: str = "ms", **more: Any) -> Row:
        group = more.pop("group", Group.GROWTH)
        return Row(group, "reconcile", what, unit, Series.of(value(took) for took in ours), **more)

    return [
        row(
            f"reconcile {of}",
            lambda took: took.all_ms,
            group=Group.TARGETS if is_last else Group.GROWTH,
            baseline=bare,
            against=against,
            target=at_most(1.7) if is_last else None,
        ),
        row(f"– of it read and compared ({count:,})", lambda took: took.gather_ms),
        row(f"– of it judged and committed ({count:,})", lambda took: took.judge_ms),
        row(f"– of that under the lock on the row ({count:,})", lambda took: took.locked_ms),
    ]


def _restored(database: Database, work: Callable[[], T], suspects: Sequence[str] = ()) -> T:
    """What *work* gives, on open trades only, and not with the garbage of the run before. *suspects* were absent in an
    attempt before this one."""
    filling.reopen_trades(database, suspects)
    gc.collect()
    return work()


def _parse_and_update(database: Database, positions: bytes, missing: list[str]) -> float:
    with closing(psycopg2.connect(database.url)) as connection:
        began = time.perf_counter()
        parse_and_update.run(connection, positions, missing)
        return (time.perf_counter() - began) * 1000
