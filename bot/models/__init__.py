"""The tables, one file for each. Plain SQLAlchemy classes: the worker uses them without Flask, ``web`` gives their metadata to
Flask-SQLAlchemy. Money is NUMERIC in US dollars, times are aware UTC, trading dates are New York's.

Importing this package imports every table, so ``Base.metadata`` is always complete.
"""

from bot.models.alert import AlertKind, AlertStatus, BotAlert
from bot.models.alert_destination import BotAlertDelivery, BotAlertDestination
from bot.models.archive import BotArchive
from bot.models.base import SINGLETON, Base
from bot.models.broker_reading import BotBrokerReading
from bot.models.command import BotCommand
from bot.models.command_stats import BotCommandTally, BotCommandUncounted
from bot.models.condition import BotCondition
from bot.models.config import BotConfig
from bot.models.daily_stats import BotDailyStats
from bot.models.equity import BotEquity
from bot.models.flatten import BotFlatten, FlattenState
from bot.models.ignored_position import BotIgnoredPosition
from bot.models.ledger_request import BotLedgerRequest
from bot.models.pulse import BotPulse, Sign
from bot.models.reconciliation import BotReconciliation, Outcome, Trigger
from bot.models.session import BotSession
from bot.models.suspect import BotSuspect
from bot.models.suspension import BotSuspension
from bot.models.token import BotToken
from bot.models.trade import BotTrade, ExitReason, TradeStatus
from bot.models.trade_event import BotTradeEvent, TradeEventKind
from bot.models.trade_exit import BotTradeExit, ExitSource
from bot.models.worker import BotWorker

__all__ = [
    "SINGLETON",
    "AlertKind",
    "AlertStatus",
    "Base",
    "BotAlert",
    "BotAlertDelivery",
    "BotAlertDestination",
    "BotArchive",
    "BotBrokerReading",
    "BotCommand",
    "BotCommandTally",
    "BotCommandUncounted",
    "BotCondition",
    "BotConfig",
    "BotDailyStats",
    "BotEquity",
    "BotFlatten",
    "BotIgnoredPosition",
    "BotLedgerRequest",
    "BotPulse",
    "BotReconciliation",
    "BotSession",
    "BotSuspect",
    "BotSuspension",
    "BotToken",
    "BotTrade",
    "BotTradeEvent",
    "BotTradeExit",
    "BotWorker",
    "ExitReason",
    "ExitSource",
    "FlattenState",
    "Outcome",
    "Sign",
    "TradeEventKind",
    "TradeStatus",
    "Trigger",
]
