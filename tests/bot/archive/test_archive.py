"""What is old and finished leaves for files that prove what they hold; what is needed stays, and nothing leaves otherwise."""

from __future__ import annotations

import gzip
import hashlib
import json
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from psycopg2 import errors
from sqlalchemy import event

from bot.archive import archive as module
from bot.archive.archive import ArchiveDamaged, archive
from bot.reconciliation import retention
from bot.states import CommandKind
from tests.bot.world import World
from tests.support.invariants import violations

START, STOP, KILL, REARM, PAUSE = (
    CommandKind.START,
    CommandKind.STOP,
    CommandKind.KILL,
    CommandKind.REARM,
    CommandKind.PAUSE,
)


@pytest.fixture
def later(world: World) -> datetime:
    """A time before which everything lies that a test has done so far; ask for it at the end."""
    return world.database.now() + timedelta(days=1)


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def fill(world: World) -> None:
    for kind in (START, PAUSE, STOP, START, KILL, REARM, PAUSE, START):
        world.do(kind, reason='a "quoted" \\ reason\nin two lines')


def test_the_file_holds_every_row_that_left_and_the_database_the_proof(
    world: World, tmp_path: Path, later: datetime
) -> None:
    fill(world)
    pending = world.submit(CommandKind.RECONCILE)
    before = world.log()
    [written] = archive(world.database, later, tmp_path / "to")
    found = lines(written.path)
    left = world.log()

    assert [row["id"] for row in found] + [str(row["id"]) for row in left] == [str(r["id"]) for r in before]
    assert [row["kind"] for row in left] == ["start", "reconcile"], (
        "the last applied one, and what is pending"
    )
    assert left[-1]["id"] == pending.id
    assert found[0]["reason"] == 'a "quoted" \\ reason\nin two lines'
    assert datetime.fromisoformat(found[0]["finished_at"]) == before[0]["finished_at"]
    [proof] = world.sql("SELECT * FROM bot_archive")
    assert (proof["table_name"], proof["rows"], proof["file"]) == (
        "bot_command",
        len(found),
        written.path.name,
    )
    assert proof["sha256"] == written.sha256 == hashlib.sha256(written.path.read_bytes()).hexdigest()
    assert stat.S_IMODE(written.path.stat().st_mode) == 0o600
    assert list(archive(world.database, later, tmp_path / "to")) == []


def test_revisions_and_the_state_go_on_where_they_were(world: World, tmp_path: Path, later: datetime) -> None:
    fill(world)
    revision = world.config.revision
    list(archive(world.database, later, tmp_path))
    assert world.do(STOP).revision == revision + 1
    # were the bot's row lost, it could still be made again
    world.sql("DELETE FROM bot_config")
    world.controller.apply(look_first=False)
    assert world.config.revision > revision
    assert world.config.killed


def test_what_is_young_stays(world: World, tmp_path: Path) -> None:
    fill(world)
    assert list(archive(world.database, world.database.now() - timedelta(days=7), tmp_path)) == []


def test_events_of_trades_that_are_open_or_unsettled_stay(
    world: World, tmp_path: Path, later: datetime
) -> None:
    ended, opened, unsettled = world.trade(), world.trade("MSFT"), world.trade("TSLA")
    world.sql("UPDATE bot_trade SET status = 'void' WHERE id::text = %s", [str(ended)])
    world.sql(
        "UPDATE bot_trade SET status = 'missed', filled = true, exit_reason = 'reconciled_missing' WHERE id::text = %s",
        [str(unsettled)],
    )
    for trade in (ended, opened, unsettled):
        world.sql(
            "INSERT INTO bot_trade_event (trade_id, kind, actor) VALUES (%s, 'opened', 'x')", [str(trade)]
        )
    [written] = archive(world.database, later, tmp_path)
    assert written.table == "bot_trade_event"
    assert {row["trade_id"] for row in lines(written.path)} == {str(ended)}
    assert {row["trade_id"] for row in world.sql("SELECT trade_id FROM bot_trade_event")} == {
        row["id"] for row in world.sql("SELECT id FROM bot_trade WHERE status <> 'void'")
    }


@pytest.mark.parametrize(
    ("table", "archived"),
    [("bot_command", "bot_trade_event"), ("bot_trade_event", "bot_command"), ("bot_command", None)],
)
def test_no_row_leaves_for_an_archive_that_does_not_have_it(
    world: World, table: str, archived: str | None
) -> None:
    world.do(START)
    world.sql(
        "INSERT INTO bot_trade_event (trade_id, kind, actor) VALUES (%s, 'opened', 'x')", [str(uuid4())]
    )
    if archived is not None:
        world.sql(
            "INSERT INTO bot_archive (table_name, up_to, rows, file, sha256)"
            " VALUES (%s, clock_timestamp() + interval '1 day', 1, 'file', 'hash')",
            [archived],
        )
    archive_id = "1" if archived is None else str(world.sql("SELECT max(id) AS id FROM bot_archive")[0]["id"])
    with pytest.raises(errors.RestrictViolation):
        world.sql(f"SELECT set_config('pitboss.archive', '{archive_id}', false); DELETE FROM {table}")
    world.sql("SELECT set_config('pitboss.archive', '', false)")


def test_of_a_file_that_is_not_what_was_written_nothing_is_deleted(
    world: World, tmp_path: Path, later: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(world)
    before = world.log()
    sync = module._sync

    def lose_a_row(directory: Path) -> None:
        sync(directory)
        [path] = directory.glob("*.gz")
        kept = gzip.decompress(path.read_bytes()).splitlines(keepends=True)[:-1]
        path.write_bytes(gzip.compress(b"".join(kept)))

    monkeypatch.setattr(module, "_sync", lose_a_row)
    with pytest.raises(ArchiveDamaged):
        list(archive(world.database, later, tmp_path))
    assert world.log() == before


def test_the_log_that_is_left_and_the_files_together_keep_every_rule(
    world: World, tmp_path: Path, later: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILE_ROWS", 3)
    monkeypatch.setattr(module, "DELETE_ROWS", 2)
    fill(world)
    written = list(archive(world.database, later, tmp_path))
    assert len(written) == 3
    archived = [row for each in written for row in lines(each.path)]
    (config,) = world.sql("SELECT state, revision FROM bot_config")
    assert violations([*archived, *world.log()], config) == []


def test_no_statement_looks_at_more_keys_than_a_page_nor_again_at_what_was_archived(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILE_ROWS", 3)
    monkeypatch.setattr(module, "READ_ROWS", 2)
    fill(world)
    between = world.database.now()
    fill(world)
    looked: list[tuple[int, int]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "to_jsonb(bot_command)" in statement:
            looked.append((parameters["seq_1"], parameters["seq_2"]))

    event.listen(world.database.engine, "before_cursor_execute", note)
    written = list(archive(world.database, between, tmp_path))
    assert [each.rows for each in written] == [3, 3, 2]
    assert all(until - after == 2 for after, until in looked)
    assert [after for after, _ in looked] == sorted({after for after, _ in looked})


REPORT = (
    "INSERT INTO bot_reconciliation (trigger, mode, started_at, finished_at, outcome, error_code, open_trades, booked)"
    " SELECT 'periodic', 'paper', at, at, coalesce(%s, 'ok'), %s, 0, %s"
    " FROM (SELECT date_trunc('hour', clock_timestamp()) - interval '1 day' + %s * interval '1 minute' AS at) AS t"
)


def test_of_reports_that_say_the_same_one_an_hour_stays_and_every_change(world: World) -> None:
    for minute in range(150):
        failed = 30 <= minute < 33
        booked = 1 if minute == 40 else 0
        given = ("failed" if failed else "ok", "broker_timeout" if failed else None, booked, minute)
        world.sql(REPORT, given)
    gone = world.database.run(retention.thin_out)
    assert world.database.run(retention.thin_out) == 0
    left = world.sql(
        "SELECT outcome, extract(epoch FROM finished_at - min(finished_at) OVER ())::int / 60 AS minute"
        " FROM bot_reconciliation ORDER BY id"
    )
    # the first of each hour, the beginning and the end of what failed, what was booked and what followed
    assert [row["minute"] for row in left] == [0, 30, 33, 40, 60, 120]
    assert gone == 150 - len(left)


def test_young_reports_stay(world: World) -> None:
    for _ in range(3):
        world.sql(REPORT, ("ok", None, 0, 0))
    world.sql("UPDATE bot_reconciliation SET finished_at = clock_timestamp() - interval '50 minutes'")
    assert world.database.run(retention.thin_out) == 0
