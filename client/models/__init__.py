"""What Pitboss answers. Money, prices and shares are exact decimals, times are aware.

A field that a newer Pitboss adds is ignored. ``tests/client/test_models.py`` compares these with ``/openapi.json``.
"""

from client.models.account import Account, Position, Positions
from client.models.alerts import Acknowledged, Alert, AlertDestination, TestAlert
from client.models.base import Answer
from client.models.commands import Action, Command, ConfigAction, KillAction, ReconcileAction
from client.models.exposure import Exposure, Flatten, OpenPosition, PositionLeft, WorkingOrder
from client.models.reconciliation import Difference, LastReconciliation, Reconciliation
from client.models.status import Gate, Status, Worker
from client.models.thresholds import Config, Thresholds
from client.models.tokens import Token
from client.models.trades import DailyStats, Trade, TradeEvent

__all__ = [
    "Account",
    "Acknowledged",
    "Action",
    "Alert",
    "AlertDestination",
    "Answer",
    "Command",
    "Config",
    "ConfigAction",
    "DailyStats",
    "Difference",
    "Exposure",
    "Flatten",
    "Gate",
    "KillAction",
    "LastReconciliation",
    "OpenPosition",
    "Position",
    "PositionLeft",
    "Positions",
    "ReconcileAction",
    "Reconciliation",
    "Status",
    "TestAlert",
    "Thresholds",
    "Token",
    "Trade",
    "TradeEvent",
    "Worker",
    "WorkingOrder",
]
