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
    #: Shares whose exit is booked.
    exited: Decimal = Decimal(0)
    #: The exits, each shares and price.
    exits: list[tuple[Decimal, Decimal]] = field(default_factory=list, compare=False)
    #: Fills that were reported, each shares and price.
    reported: list[tuple[Decimal, Decimal]] = field(default_factory=list, compare=False)

    @property
    def rest(self) -> Decimal:
        return self.shares - self.exited

    @property
    def booked(self) -> Decimal:
        """What its exits earned."""
        return sum((shares * (price - self.price) for shares, price in self.exits), Decimal(0))

    def leave(self, shares: Decimal, price: Decimal, reason: str | None) -> None:
        self.exits.append((shares, price))
        self.exited += shares
        self.exit_reason = reason or self.exit_reason
        if not self.rest:
            self.status, self.pnl = "closed", self.booked


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

    def stats(self, mode: str) -> tuple[Decimal, int, int]:
        """P&L, trades and day trades of *mode*; all of it happens today."""
        trades = [trade for trade in self.trades.values() if trade.mode == mode]
        closed = sum(trade.status == "closed" for trade in trades)
        return sum((trade.booked for trade in trades), Decimal(0)), closed, closed

    @property
    def reasons(self) -> list[str]:
        holds = {
            "disabled": not self.enabled,
            "killed": self.killed,
            "not_running": self.state != "running",
            "not_reconciled": not self.reconciled,
            "max_positions": len(self.of("open")) >= self.most,
            "daily_loss": self.stats(self.mode)[0] <= -LOSS_LIMIT,
        }
        return [reason for reason, held in holds.items() if held]
