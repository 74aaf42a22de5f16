"""What the tests of the domain act on: one database, one account at the sandbox, and the controller between them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Generic
from uuid import UUID, uuid4

import psycopg2
from psycopg2.extras import Json, RealDictCursor
from sqlalchemy import select
from typing_extensions import TypeVar  # with a default only from Python 3.13 on

from bot.commands import mode_switch
from bot.commands.controller import Controller
from bot.commands.log import NewCommand
from bot.models import Base, BotCommand, BotConfig, BotReconciliation, Trigger
from bot.reconciliation import evidence
from bot.settings.settings import Settings
from bot.states import CommandKind, Mode, Source
from bot.status import gate
from bot.status.snapshot import snapshot
from bot.storage.database import Database
from tests.bot.account import Account
from tests.bot.fake_account import FakeAccount

ACTOR = "alice"
#: Tables of which no row can be deleted.
GUARDED = ("bot_command", "bot_trade_event")


def settings_for(database_url: str, **overrides: Any) -> Settings:
    """The settings of a bot whose market never closes, unless *overrides* say otherwise."""
    given: dict[str, Any] = {
        "database_url": database_url,
        "redis_url": "redis://127.0.0.1:1/0",
        "market_hours": "always",
        **overrides,
    }
    return Settings(_env_file=None, **given)


class TestDatabase:
    """The database of one test file: the way to it that Pitboss goes, and that of another program."""

    __test__ = False

    def __init__(self, url: str) -> None:
        self.url = url
        self.pool = Database.connect(settings_for(url), pool_size=12)
        self._connection = connect(url)
        self._connection.autocommit = True
        self._using = threading.Lock()

    def close(self) -> None:
        self.pool.close()
        self._connection.close()

    def sql(self, statement: str, parameters: Any = None) -> list[dict[str, Any]]:
        """Run a statement, and commit it, as another program would."""
        with self._using, self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return [dict(row) for row in cursor.fetchall()] if cursor.description else []

    def reset(self) -> None:
        """Make it as it was after the migration. (TRUNCATE would take ten times as long for these few rows.)"""
        tables = [table.name for table in reversed(Base.metadata.sorted_tables)]
        self.sql(
            "".join(f"ALTER TABLE {table} DISABLE TRIGGER USER;" for table in GUARDED)
            + "".join(f"DELETE FROM {table};" for table in tables)
            + "SET CONSTRAINTS ALL IMMEDIATE;"
            + "".join(f"ALTER TABLE {table} ENABLE TRIGGER USER;" for table in GUARDED)
            + "INSERT INTO bot_config (id) VALUES ('singleton')"
        )


A = TypeVar("A", Account, FakeAccount, default=Account)


class World(Generic[A]):
    """The bot's whole world, seen from behind the scenes. Its accounts are at the sandbox, or played."""

    def __init__(self, database: TestDatabase, paper: A, live: A | None = None, **overrides: Any) -> None:
        self.database_url = database.url
        self.paper: A = paper
        self.live: A | None = live
        keys = {
            "alpaca_paper_url": paper.url,
            "alpaca_paper_api_key": paper.key,
            "alpaca_paper_api_secret": "s",
        }
        if live is not None:
            keys |= {
                "alpaca_live_url": live.url,
                "alpaca_live_api_key": live.key,
                "alpaca_live_api_secret": "s",
            }
        self.settings = settings_for(database.url, **{**keys, **overrides})
        self.database = database.pool
        self.controller = Controller(self.database, self.settings)
        self.sql = database.sql

    # -- commands -----------------------------------------------------------------------------------------------

    def want(
        self, kind: CommandKind, *, actor: str = ACTOR, source: Source = Source.API, **more: Any
    ) -> NewCommand:
        """A command; with *age* one that was sent so long ago."""
        age = more.pop("age", None)
        if age is not None:
            more["sent_at"] = self.database.now() - age
        return NewCommand(kind=kind, actor=actor, source=source, **more)

    def submit(self, kind: CommandKind, **more: Any) -> BotCommand:
        """Put a command into the log and leave it pending."""
        return self.controller.submit(self.want(kind, **more))

    def do(self, kind: CommandKind, **more: Any) -> BotCommand:
        """Put a command into the log and have it applied, all that was pending before it included."""
        command = self.submit(kind, **more)
        self.controller.apply(up_to_seq=command.seq)
        return self.command(command.id)

    def command(self, command_id: UUID) -> BotCommand:
        command = self.controller.find(command_id)
        assert command is not None
        return command

    def insert_command(self, kind: str, params: Any = None, **columns: Any) -> UUID:
        """Write a row past all checks, as a newer release or a careless hand might."""
        row = {"id": uuid4(), "kind": kind, "params": Json(params), "actor": "x", "source": "api", **columns}
        self._insert("bot_command", row)
        return row["id"]

    # -- the tables ---------------------------------------------------------------------------------------------

    @property
    def config(self) -> BotConfig:
        return self.database.read(lambda session: session.scalars(select(BotConfig)).one())

    def set_config(self, **columns: Any) -> None:
        changes = ", ".join(f"{name} = %({name})s" for name in columns)
        self.sql(f"UPDATE bot_config SET {changes}", columns)

    def trade(self, symbol: str = "AAPL", shares: Any = 10, **columns: Any) -> UUID:
        """An open trade that was entered two minutes ago."""
        row = {
            "id": uuid4(),
            "symbol": symbol,
            "shares": Decimal(str(shares)),
            "entry_price": Decimal("10.25"),
            "created_at": self.database.now() - timedelta(minutes=2),
            **columns,
        }
        row.setdefault("entry_at", row["created_at"])
        self._insert("bot_trade", row)
        return row["id"]

    def trades(self) -> dict[UUID, dict[str, Any]]:
        """Every trade, whole, by its id."""
        return {row["id"]: row for row in self.sql("SELECT * FROM bot_trade ORDER BY created_at, id")}

    def status_of(self, trade: UUID) -> str:
        return str(self.trades()[trade]["status"])

    def reports(self) -> list[dict[str, Any]]:
        return self.sql("SELECT * FROM bot_reconciliation ORDER BY id")

    def log(self) -> list[dict[str, Any]]:
        return self.sql("SELECT * FROM bot_command ORDER BY seq")

    def connect(self) -> Any:
        """A connection of another program."""
        return connect(self.database_url)

    @contextmanager
    def lock_held(self) -> Iterator[Any]:
        """The bot's row, locked by another program that has sunk into thought."""
        with closing(self.connect()) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM bot_config FOR UPDATE")
            yield connection

    def _insert(self, table: str, row: Mapping[str, Any]) -> None:
        names = ", ".join(row)
        values = ", ".join(f"%({name})s" for name in row)
        self.sql(f"INSERT INTO {table} ({names}) VALUES ({values})", row)

    # -- reconciliation -----------------------------------------------------------------------------------------

    def gather(self) -> evidence.Evidence:
        return evidence.gather(self.database, self.settings)

    def reconcile(self, trigger: Trigger = Trigger.STARTUP) -> BotReconciliation:
        return self.controller.conclude(self.gather(), trigger)

    def reconcile_twice(self, trigger: Trigger = Trigger.STARTUP) -> BotReconciliation:
        """Two attempts, so far apart that the second may write off what neither explains; the second one's report."""
        self.reconcile(trigger)
        self.age_suspects()
        return self.reconcile(Trigger.RETRY)

    def age_suspects(self, seconds: float = 11) -> None:
        """Let time go by since trades became suspect."""
        self.sql("UPDATE bot_suspect SET since = since - make_interval(secs => %s)", [seconds])

    def suspects(self) -> list[UUID]:
        return [row["trade_id"] for row in self.sql("SELECT trade_id FROM bot_suspect")]

    def exits(self, trade: UUID) -> list[dict[str, Any]]:
        return self.sql("SELECT * FROM bot_trade_exit WHERE trade_id = %s ORDER BY id", [trade])

    def events(self, trade: UUID) -> list[dict[str, Any]]:
        return self.sql("SELECT * FROM bot_trade_event WHERE trade_id = %s ORDER BY id", [trade])

    def ago(self, seconds: float) -> datetime:
        """A moment of the database's clock."""
        return self.database.now() - timedelta(seconds=seconds)

    def reconcile_by_hand(self) -> BotReconciliation:
        """The whole way of the command."""
        command = self.submit(CommandKind.RECONCILE)
        self.controller.apply(up_to_seq=command.seq, evidence={command.id: self.gather()})
        return self.database.read(
            lambda session: session.scalars(
                select(BotReconciliation).where(BotReconciliation.command_id == command.id)
            ).one()
        )

    def set_mode(self, mode: Mode) -> BotCommand:
        """The whole way of the command."""
        command = self.submit(CommandKind.SET_MODE, params={"mode": str(mode)})
        self.controller.apply(up_to_seq=command.seq)
        if self.command(command.id).pending:
            evidence = mode_switch.gather(self.database, self.settings, mode)
            self.controller.apply(up_to_seq=command.seq, evidence={command.id: evidence})
        return self.command(command.id)

    def reconciled(self) -> bool:
        """Whether the gate has no objection of reconciliation's."""
        now = self.database.batched(snapshot)
        return gate.Reason.NOT_RECONCILED not in gate.judge(now, self.settings).reasons

    def retry_in_sec(self) -> float:
        """Seconds until the next attempt is due."""
        (row,) = self.sql(
            "SELECT extract(epoch FROM reconcile_due_at - clock_timestamp()) AS wait FROM bot_config"
        )
        return float(row["wait"])


def connect(database_url: str) -> Any:
    connection = psycopg2.connect(database_url, cursor_factory=RealDictCursor)
    psycopg2.extras.register_uuid(conn_or_curs=connection)
    return connection
