"""A ledger and a controller on a real database, with hands to bring them into any state."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from bot.commands.controller import Controller
from bot.commands.log import NewCommand
from bot.models import BotCommand, BotConfig, BotDailyStats, BotTrade, BotTradeEvent, TradeStatus
from bot.settings.settings import Settings
from bot.states import CommandKind, Source
from bot.status import gate, heartbeat
from bot.status.snapshot import snapshot
from bot.storage.database import Database
from bot.trading.ledger import Ledger
from tests.support.applying import apply

WORKER = "tests"
#: Ids of orders, as Alpaca makes them.
ORDER = [f"61e69015-8549-4bfd-b9c3-{number:012}" for number in range(20)]
EXIT = [f"904837e3-3b76-47ec-b432-{number:012}" for number in range(20)]


def settings_of(database_url: str, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "database_url": database_url,
        "redis_url": "redis://127.0.0.1:1/0",
        "market_hours": "always",
        "alpaca_paper_api_key": "paper",
        "alpaca_paper_api_secret": "paper",
        "alpaca_live_api_key": "live",
        "alpaca_live_api_secret": "live",
    }
    return Settings(**{**values, **changes})


class World:
    """What the bot's programs and its operator share."""

    def __init__(self, settings: Settings, database: Database | None = None, *, pool_size: int = 5) -> None:
        """With a way to the database of its own, to be closed, unless *database* is given."""
        self.settings = settings
        self.database = database or Database.connect(settings, pool_size)
        self.controller = Controller(self.database, settings)
        self.ledger = Ledger(self.database, settings)

    def close(self) -> None:
        self.database.close()

    def do(self, kind: str, **params: Any) -> BotCommand:
        """Have a command judged."""
        wanted = NewCommand(kind=CommandKind(kind), actor="tests", source=Source.API, params=params)
        return apply(self.controller, wanted)

    def open_gate(self) -> None:
        """Running, reconciled, and a worker lives."""
        self.do("start")
        self.database.batched(lambda batch: heartbeat.beat(batch, WORKER))
        self.sql("UPDATE bot_config SET reconciled_at = now()")

    def reasons(self) -> list[str]:
        now = self.database.batched(snapshot)
        return list(gate.judge(now, self.settings).reasons)

    def open_filled(self, symbol: str = "ACME", **changes: Any) -> BotTrade:
        """An open trade whose entry filled: 10 shares at 10.00, unless *changes* say otherwise."""
        facts: dict[str, Any] = {"shares": 10, "entry_price": "10.00", **changes}
        order = facts.pop("alpaca_order_id", None) or str(uuid4())
        return self.ledger.open_trade(symbol=symbol, alpaca_order_id=order, **facts)

    def count_trades(self, *statuses: TradeStatus) -> int:
        query = select(func.count()).select_from(BotTrade)
        if statuses:
            query = query.where(BotTrade.status.in_(statuses))
        return self.database.read(lambda session: session.scalars(query).one())

    def trade(self, trade: BotTrade) -> BotTrade:
        """The trade as it is in the table now."""
        return self.trade_of(trade.id)

    def trade_of(self, trade_id: UUID) -> BotTrade:
        return self.database.read(
            lambda session: session.scalars(select(BotTrade).where(BotTrade.id == trade_id)).one()
        )

    def stats(self, mode: str = "paper") -> dict[str, tuple[Decimal, int, int]]:
        """Profit, trades and day trades of each date in one mode."""
        rows = self.database.read(
            lambda session: session.scalars(select(BotDailyStats).where(BotDailyStats.mode == mode)).all()
        )
        return {str(row.date): (row.realized_pnl, row.trade_count, row.day_trade_count) for row in rows}

    def events(self, trade_id: UUID) -> list[BotTradeEvent]:
        """What happened to a trade, the earliest first."""
        query = select(BotTradeEvent).where(BotTradeEvent.trade_id == trade_id).order_by(BotTradeEvent.id)
        return list(self.database.read(lambda session: session.scalars(query).all()))

    def config(self) -> BotConfig:
        return self.database.read(lambda session: session.scalars(select(BotConfig)).one())

    def sql(self, statement: str, **params: Any) -> None:
        def execute(session: Session) -> None:
            session.execute(text(statement), params)

        self.database.run(execute)

    def age_worker(self, age: timedelta) -> None:
        self.sql("UPDATE bot_worker SET last_seen_at = clock_timestamp() - :age", age=age)
