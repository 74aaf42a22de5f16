"""One simulated account: its cash, its positions, and what they are worth."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid5

from sandbox.amounts import ZERO, plain, rounded
from sandbox.assets import NAMESPACE
from sandbox.books import Books
from sandbox.cash import Cash, Movement
from sandbox.errors import not_found
from sandbox.positions import Position
from sandbox.times import NEW_YORK, stamp
from sandbox.venue import Venue

STARTING_CASH = Decimal(100_000)  # what Alpaca gives a new paper account
MULTIPLIER = 2  # Regulation T: a dollar of equity carries two of positions
FLAGS = (
    "trading_blocked",
    "account_blocked",
    "transfers_blocked",
    "trade_suspended_by_user",
    "shorting_enabled",
)
CONFIGURATION: dict[str, Any] = {
    "trade_confirm_email": "all",
    "fractional_trading": True,
    "max_margin_multiplier": "4",
    "max_options_trading_level": 0,
    "ptp_no_exception_entry": False,
    "disable_overnight_trading": False,
}


class Account:
    """One account. All money is in dollars, all quantities are shares. The market's lock must be held."""

    def __init__(self, key: str, venue: Venue) -> None:
        self.key = key
        # Derived from the key, so that an account is the same one after its state was thrown away.
        self.id = str(uuid5(NAMESPACE, f"account/{key}"))
        self.secret_hash: str | None = None
        self.created_at = stamp(venue.now())
        self.status = "ACTIVE"
        self.flags: dict[str, bool] = {flag: flag == "shorting_enabled" for flag in FLAGS}
        self.configuration = dict(CONFIGURATION)
        self.cash = Cash([Movement(venue.now(), "deposit", STARTING_CASH)])
        self.last_equity = STARTING_CASH
        self.realized_pl = ZERO
        self.positions: dict[str, Position] = {}
        self.hold_fills: bool | None = None  # None: as the venue does
        self.fill_delay_sec: float | None = None  # None: as the venue does
        self.positions_lag_sec = 0.0
        self.values_lag = False  # whether the account's market values lag with its positions
        self.venue = venue
        self.books = Books(self)
        self._past: list[tuple[float, dict[str, Position]]] = []  # what was held until then
        self._changes = 0
        self._worth: tuple[Any, tuple[Decimal, Decimal]] = (None, (ZERO, ZERO))
        self._list: tuple[Any, bytes] = (None, b"")

    # -- what it is worth ------------------------------------------------------------------------------------

    def market_values(self) -> tuple[Decimal, Decimal]:
        """What the longs and the shorts are worth now; the second is negative or zero."""
        held, moment = self._shown() if self.values_lag else (self.positions, self._moment())
        if self._worth[0] != moment:
            values = [p.qty * self.venue.prices.price(p.symbol) for p in held.values()]
            longs = sum((v for v in values if v > 0), ZERO)
            self._worth = (moment, (longs, sum(values, ZERO) - longs))
        return self._worth[1]

    def buying_power(self) -> Decimal:
        """What may still be bought: twice the equity that margin leaves free, less working buys."""
        longs, shorts = self.market_values()
        free = self.cash.balance + longs + shorts - (longs - shorts) / MULTIPLIER
        return max(ZERO, free * MULTIPLIER - self.books.reserved())

    def row(self) -> dict[str, Any]:
        """The account as ``GET /v2/account`` answers it since 2026-07-06."""
        longs, shorts = self.market_values()
        equity, margin = self.cash.balance + longs + shorts, (longs - shorts) / MULTIPLIER
        power, settled = rounded(self.buying_power()), rounded(max(ZERO, self.cash.balance))
        yesterday = datetime.fromtimestamp(self.venue.now(), NEW_YORK).date() - timedelta(days=1)
        return {
            "id": self.id,
            "admin_configurations": {},
            "user_configurations": None,
            "account_number": f"PA{self.id[:10].replace('-', '').upper()}",
            "status": self.status,
            "crypto_status": "INACTIVE",
            "crypto_tier": 0,
            "currency": "USD",
            "buying_power": power,
            "regt_buying_power": power,
            "effective_buying_power": power,
            "options_buying_power": settled,
            "non_marginable_buying_power": settled,
            "options_approved_level": 0,
            "options_trading_level": 0,
            "cash": rounded(self.cash.balance),
            "accrued_fees": "0",
            "pending_reg_taf_fees": "0",
            "pending_transfer_in": "0",
            "intraday_adjustments": "0",
            "portfolio_value": rounded(equity),
            "created_at": self.created_at,
            "balance_asof": yesterday.isoformat(),
            "multiplier": str(MULTIPLIER),
            **self.flags,
            "equity": rounded(equity),
            "last_equity": plain(self.last_equity),
            "long_market_value": rounded(longs),
            "short_market_value": rounded(shorts),
            "position_market_value": rounded(longs + shorts),
            "initial_margin": rounded(margin),
            "maintenance_margin": rounded((longs - shorts) * Decimal("0.3")),
            "last_maintenance_margin": "0",
            "sma": "0",
        }

    def configuration_row(self) -> dict[str, Any]:
        """The settings as ``GET /v2/account/configurations`` answers them since 2026-07-06."""
        return {
            **self.configuration,
            "suspend_trade": self.flags["trade_suspended_by_user"],
            "no_shorting": not self.flags["shorting_enabled"],
        }

    # -- positions -------------------------------------------------------------------------------------------

    def position(self, symbol_or_id: str, *, lagging: bool = False) -> Position:
        """The open position of a symbol or an asset id. Raises Alpaca's 404 when there is none."""
        held = self._shown()[0] if lagging else self.positions
        found = held.get(symbol_or_id)
        if found is None and len(symbol_or_id) == 36:
            found = next((p for p in held.values() if p.asset_id == symbol_or_id), None)
        if found is None:
            raise not_found("position does not exist")
        return found

    def position_text(self, position: Position) -> str:
        """One position as JSON."""
        return self._text(position, self.books.held(position))

    def positions_list(self) -> bytes:
        """All positions as a JSON list, kept until a position, an order or a price changes."""
        held, moment = self._shown()
        if self._list[0] != moment:
            busy = self.books.busy_symbols()
            rows = [self._text(p, self.books.held(p) if p.symbol in busy else ZERO) for p in held.values()]
            self._list = (moment, f"[{','.join(rows)}]".encode())
        return self._list[1]

    def move(self, symbol: str, asset_id: str, shares: Decimal, price: Decimal) -> None:
        """Add signed shares at a price; what this realises is counted. The cash is another's business."""
        position = self.positions.get(symbol) or Position(symbol, asset_id)
        self.realized_pl += position.fill(shares, price)
        if position.qty:
            self.positions[symbol] = position
        else:
            self.positions.pop(symbol, None)
        self._changes += 1

    def hold(self, positions: Iterable[Position]) -> None:
        """Hold exactly these positions, at once and without a lag. Cash and orders stay as they are."""
        self.positions = {p.symbol: p for p in positions}
        self._past.clear()
        self._changes += 1

    def remember(self, at: float) -> None:
        """Keep what is held, before a fill of this moment changes it: the positions may lag."""
        if self.positions_lag_sec > 0:
            self._past = [(t, held) for t, held in self._past if t + self.positions_lag_sec > at]
            self._past.append((at, {symbol: p.copy() for symbol, p in self.positions.items()}))

    def touched(self) -> None:
        """Say that orders have changed: the shares that they hold are shown with the positions."""
        self._changes += 1

    # -- inside ----------------------------------------------------------------------------------------------

    def _moment(self) -> tuple[Any, ...]:
        return self._changes, self.venue.prices.revision()

    def _shown(self) -> tuple[dict[str, Position], tuple[Any, ...]]:
        """The positions as they are shown, and what changes whenever they do."""
        now = self.venue.now()
        for at, held in self._past:
            if at + self.positions_lag_sec > now:
                return held, (*self._moment(), at)
        return self.positions, self._moment()

    def _text(self, position: Position, held: Decimal) -> str:
        prices = self.venue.prices
        return position.text(prices.price(position.symbol), prices.close_before(position.symbol), held)
