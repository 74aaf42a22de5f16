"""A Postgres that fails over: web and worker follow by themselves, and no acknowledged command is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from bot.errors import DatabaseUnavailable
from bot.settings.settings import Settings
from bot.status import heartbeat
from bot.storage.database import Database
from launcher.reaper import Guard
from tests.support.client import TOKENS
from tests.support.fixtures import StackFactory
from tests.support.migrations import migrate
from tests.support.stack import Stack
from tests.support.tables import Tables
from tests.tools.deploy.postgres_pair import Pair
from tools.compose_trial.steady_load import Load

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def make_pair(server_dir: Path, guard: Guard) -> Iterator[Callable[..., Pair]]:
    """Makes running pairs. Ask for it before ``make_stack``: the tables are looked at once more at the end."""
    with ExitStack() as cleanup:

        def make(name: str, *, synchronous: bool = True) -> Pair:
            directory = server_dir / name
            directory.mkdir()
            pair = Pair(directory, guard, synchronous=synchronous)
            cleanup.callback(pair.close)
            pair.start()
            return pair

        yield make


def run_on(pair: Pair, make_stack: StackFactory) -> Stack:
    stack = make_stack(database_url=f"{pair.url}?target_session_attrs=read-write")
    migrate(stack.database_url)
    return stack.start()


def test_a_standby_that_is_promoted_under_load_has_every_acknowledged_command(
    make_pair: Callable[..., Pair], make_stack: StackFactory
) -> None:
    pair = make_pair("pair")
    stack = run_on(pair, make_stack)
    with Load(stack.url, TOKENS["operator"], clients=4, pause_sec=0.05) as load:
        stack.wait_for(lambda: len(load.accepted) > 40, 60, "commands arrive")
        pair.lose_primary()
        stack.wait_for(
            lambda: load.answers["503"] >= 8, 60, "each of the four is told twice that it has to wait"
        )
        before, began = len(load.accepted), time.monotonic()
        pair.promote()
        stack.wait_for(lambda: len(load.accepted) > before, 60, "a command is accepted again")
        outage = time.monotonic() - began
        stack.wait_for(lambda: len(load.accepted) > before + 40, 60, "commands are accepted as before")
    print(f"\n{load.summary()}; the first was accepted {outage:.1f} s after the promotion")

    assert not load.unfinished()
    assert not load.untrue()
    rows = {str(row["id"]): row["status"] for row in stack.commands()}
    assert not (lost := set(load.accepted) - rows.keys()), f"acknowledged and lost: {lost}"
    # the worker has followed, too
    stack.wait_for(lambda: stack.status()["worker"]["online"], 20, "the worker beats on the new primary")
    stack.wait_accepting()


def test_without_synchronous_replication_the_loss_would_be_seen(
    make_pair: Callable[..., Pair], make_stack: StackFactory
) -> None:
    pair = make_pair("loose-pair", synchronous=False)
    stack = run_on(pair, make_stack)
    assert stack.api().do("/start")["state"] == "running"
    pair.fall_behind()
    acknowledged = stack.api().do("/pause")["commandId"]
    pair.lose_primary()
    pair.promote()
    stack.wait_for(
        lambda: requests.get(f"{stack.url}/readyz", timeout=5).status_code == 200, 30, "web has followed"
    )
    assert stack.api().get(f"/commands/{acknowledged}").status_code == 404


def test_a_connection_to_a_server_that_takes_no_writes_is_not_kept(database_url: str) -> None:
    """As after a switch-over: the server that is connected to has become the standby."""
    outsider = Tables(database_url)
    [row] = outsider.sql("SELECT current_database() AS name")
    database = Database.connect(
        Settings.load(database_url=database_url, redis_url="redis://127.0.0.1:1/0"), 1
    )
    try:
        outsider.sql(f'ALTER DATABASE "{row["name"]}" SET default_transaction_read_only = on')
        with pytest.raises(DatabaseUnavailable):
            database.batched(lambda batch: heartbeat.beat(batch, "tests"))
        with (
            outsider.connect(default_transaction_read_only="off") as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f'ALTER DATABASE "{row["name"]}" RESET default_transaction_read_only')
        database.batched(lambda batch: heartbeat.beat(batch, "tests"))
    finally:
        database.close()
        outsider.close()
