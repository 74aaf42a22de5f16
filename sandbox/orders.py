"""One order: what it asks for, how far it has come, and how Alpaca shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.amounts import SHARE, ZERO, plain, rounded
from sandbox.calendar import next_session, session
from sandbox.times import NEW_YORK, stamp, unix

# Alpaca's order life: https://docs.alpaca.markets/docs/orders-at-alpaca
OPEN = frozenset(
    (
        "new",
        "accepted",
        "pending_new",
        "partially_filled",
        "held",
        "accepted_for_bidding",
        "pending_replace",
        "pending_cancel",
        "pending_review",
        "calculated",
        "stopped",
        "suspended",
        "done_for_day",
    )
)
CLOSED = frozenset(("filled", "canceled", "expired", "replaced", "rejected"))
#: Taken, and not yet at the exchange.
ON_ITS_WAY = frozenset(("accepted", "pending_new"))
_GTC_DAYS = 90


@dataclass(slots=True)
class Order:
    """One order, in shares and dollars; ``qty`` is None for an order of an amount of money (``notional``).

    Times are text as Alpaca writes it, but for ``due_at``: the Unix time at which it fills if its price allows.
    """

    id: str
    client_order_id: str
    symbol: str
    side: str
    qty: Decimal | None
    asset_id: str = ""
    notional: Decimal | None = None
    type: str = "market"
    time_in_force: str = "day"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    extended_hours: bool = False
    position_intent: str = "buy_to_open"
    status: str = "pending_new"
    filled_qty: Decimal = ZERO
    filled_avg_price: Decimal | None = None
    created_at: str = ""
    updated_at: str = ""
    submitted_at: str | None = ""  # none at all is possible, too
    filled_at: str | None = None
    expired_at: str | None = None
    canceled_at: str | None = None
    failed_at: str | None = None
    replaced_at: str | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    due_at: float = 0.0
    triggered: bool = False  # its stop price was touched
    held: bool = False  # a test lets it work until it says otherwise
    scripted: bool = False  # put here by a test: it keeps the status it was given until it is canceled

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1

    @property
    def sorting(self) -> str:
        """Text that sorts orders by their submission."""
        return self.submitted_at or self.created_at

    def see(self, price: Decimal) -> bool:
        """Show it a price: whether it fills at this one. A stop order remembers that its price was touched."""
        if self.stop_price is not None and not self.triggered:
            self.triggered = (price - self.stop_price) * self.sign >= 0
            if not self.triggered:
                return False
        return self.limit_price is None or (self.limit_price - price) * self.sign >= 0

    def shares(self, price: Decimal) -> Decimal:
        """The shares still to be filled, at this price if the order is for an amount of money."""
        if self.qty is not None:
            return self.qty - self.filled_qty
        spent = self.filled_qty * (self.filled_avg_price or ZERO)
        return (((self.notional or ZERO) - spent) / price).quantize(SHARE)

    def fill(self, shares: Decimal, price: Decimal, at: float) -> None:
        """Add a fill. The average price is over all that has filled."""
        filled = self.filled_qty + shares
        value = self.filled_qty * (self.filled_avg_price or ZERO) + shares * price
        self.filled_avg_price = value / filled
        finished = self.qty <= filled if self.qty is not None else self.shares(price) <= shares
        self.filled_qty = filled
        self.status = "filled" if finished else "partially_filled"
        self.filled_at = self.updated_at = stamp(at)

    def finish(self, status: str, at: float) -> None:
        """End it without a (further) fill, and note when."""
        self.status = status
        self.updated_at = stamp(at)
        match status:
            case "canceled":
                self.canceled_at = self.updated_at
            case "expired":
                self.expired_at = self.updated_at
            case "rejected":
                self.failed_at = self.updated_at
            case "replaced":
                self.replaced_at = self.updated_at

    def row(self) -> dict[str, Any]:
        """The order as Alpaca shows it."""
        return {
            "id": self.id,
            "client_order_id": self.client_order_id,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "submitted_at": self.submitted_at,
            "filled_at": self.filled_at,
            "expired_at": self.expired_at,
            "canceled_at": self.canceled_at,
            "failed_at": self.failed_at,
            "replaced_at": self.replaced_at,
            "replaced_by": self.replaced_by,
            "replaces": self.replaces,
            "asset_id": self.asset_id,
            "symbol": self.symbol,
            "asset_class": "us_equity",
            "notional": _text(self.notional),
            "qty": _text(self.qty),
            "filled_qty": plain(self.filled_qty),
            "filled_avg_price": None if self.filled_avg_price is None else rounded(self.filled_avg_price),
            "order_class": "",
            "order_type": self.type,
            "type": self.type,
            "side": self.side,
            "position_intent": self.position_intent,
            "time_in_force": self.time_in_force,
            "limit_price": _text(self.limit_price),
            "stop_price": _text(self.stop_price),
            "status": self.status,
            "extended_hours": self.extended_hours,
            "legs": None,
            "trail_percent": None,
            "trail_price": None,
            "hwm": None,
            "expires_at": self._expires_at(),
        }

    def as_json(self) -> dict[str, Any]:
        """Every field, for the state file."""
        return {name: plain(v) if isinstance(v, Decimal) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Order:
        """The order that ``as_json`` wrote, in this version or the one before."""
        amounts = {f.name for f in fields(cls) if "Decimal" in str(f.type)}
        values: dict[str, Any] = {
            name: Decimal(value) if name in amounts and value is not None else value
            for name, value in row.items()
        }
        return cls(**values)

    def _expires_at(self) -> str:
        """The close of its day, or of the ninetieth after it."""
        day = datetime.fromtimestamp(unix(self.created_at), NEW_YORK).date()
        if self.time_in_force == "gtc":
            day += timedelta(days=_GTC_DAYS)
        if (hours := session(day)) is None:
            hours = session(next_session(day))
        assert hours is not None, "that is what a session is"  # noqa: S101 - for the type checker
        return stamp(hours[1].timestamp()).replace(".000000", "")


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)
