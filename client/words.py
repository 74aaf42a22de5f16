"""The words of the interface. A newer Pitboss may say others, so an answer's field is one of these or other text."""

from __future__ import annotations

from enum import StrEnum


class BotState(StrEnum):
    """What the bot may do."""

    STOPPED = "stopped"
    RUNNING = "running"
    PAUSED = "paused"


class Mode(StrEnum):
    """Which Alpaca account the bot acts on."""

    PAPER = "paper"
    LIVE = "live"


class CommandKind(StrEnum):
    """One operator intention."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    KILL = "kill"
    REARM = "rearm"
    SET_MODE = "set_mode"
    UPDATE_CONFIG = "update_config"
    RECONCILE = "reconcile"
    SETTLE = "settle"
    FLATTEN = "flatten"


class CommandStatus(StrEnum):
    """Where a command is in its life."""

    QUEUED = "queued"
    AWAITING_APPROVAL = "awaiting_approval"
    APPLIED = "applied"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


#: A command of one of these statuses has not come to its end.
PENDING = frozenset({CommandStatus.QUEUED, CommandStatus.AWAITING_APPROVAL})


class Source(StrEnum):
    """Which way a command came in."""

    API = "api"
    PANEL = "panel"
    CELERY = "celery"
    SYSTEM = "system"


class TradeStatus(StrEnum):
    """Where a trade is in its life."""

    OPEN = "open"
    CLOSED = "closed"
    MISSED = "missed"
    VOID = "void"


class ExitReason(StrEnum):
    """Why a trade ended. Those that begin with ``reconciled`` are given by reconciliation only."""

    TRAILING_STOP = "trailing_stop"
    HARD_STOP = "hard_stop"
    PROFIT_TARGET = "profit_target"
    TIME_EXIT = "time_exit"
    FORCE_CLOSE = "force_close"
    RECONCILED_MISSING_ON_STARTUP = "reconciled_missing_on_startup"
    RECONCILED_MISSING = "reconciled_missing"
    RECONCILED_EXIT = "reconciled_exit"


class SettleAction(StrEnum):
    """How a difference, or a trade, is settled."""

    ADOPT = "adopt"
    ADJUST = "adjust"
    CLOSE = "close"
    VOID = "void"
    WRITE_OFF = "write_off"
    REOPEN = "reopen"
    ACKNOWLEDGE = "acknowledge"
    IGNORE = "ignore"
    WATCH = "watch"


class Agreement(StrEnum):
    """What a reconciliation came to."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    FAILED = "failed"


class Severity(StrEnum):
    """How soon somebody should look at an alert."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class AlertState(StrEnum):
    """Whether somebody still has to look at an alert."""

    OPEN = "open"
    OVER = "over"
    ACKNOWLEDGED = "acknowledged"


class Outcome(StrEnum):
    """Whether a reconciliation could read both sides."""

    OK = "ok"
    FAILED = "failed"


class Reason(StrEnum):
    """Why the gate is closed."""

    DISABLED = "disabled"
    KILLED = "killed"
    NOT_RUNNING = "not_running"
    NOT_RECONCILED = "not_reconciled"
    RECONCILIATION_STALE = "reconciliation_stale"
    FLATTENING = "flattening"
    WORKER_OFFLINE = "worker_offline"
    MARKET_CLOSED = "market_closed"
    MAX_POSITIONS = "max_positions"
    DAILY_LOSS = "daily_loss"
