"""What the ledger and the commands should come to, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

#: From, command, to; every other pair is refused. A kill is allowed from anywhere, a rearm while it is killed.
STEPS = {
    ("stopped", "start"): "running",
    ("running", "pause"): "paused",
    ("paused", "resume"): "running",
    ("running", "stop"): "stopped",
    ("paused", "stop"): "stopped",
}
LOSS_LIMIT = Decimal(150)


@dataclass
class Trade:
    shares: Decimal
    price: Decimal
    status: str = "open"
    filled: bool = False
    mode: str = "paper"
    exit_reason: str | None = None
    pnl: Decimal | None = None


@dataclass
class Model:
    mode: str
    state: str = "stopped"
    enabled: bool = False
    killed: bool = False
    reconciled: bool = False
    most: int = 3
    trades: dict[UUID, Trade] = field(default_factory=dict)

    def of(self, *statuses: str) -> list[UUID]:
        return [trade_id for trade_id, trade in self.trades.items() if trade.status in statuses]

    @property
    def closed(self) -> list[Trade]:
        return [trade for trade in self.trades.values() if trade.status == "closed"]

    @property
    def pnl(self) -> Decimal:
        return sum((trade.pnl or Decimal(0) for trade in self.closed), Decimal(0))

    @property
    def reasons(self) -> list[str]:
        holds = {
            "disabled": not self.enabled,
            "killed": self.killed,
            "not_running": self.state != "running",
            "not_reconciled": not self.reconciled,
            "max_positions": len(self.of("open")) >= self.most,
            "daily_loss": self.pnl <= -LOSS_LIMIT,
        }
        return [reason for reason, held in holds.items() if held]
