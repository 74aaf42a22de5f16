"""May the mode be switched? What Alpaca has to say is gathered before the lock; the answer is given under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.broker.alpaca import Alpaca
from bot.broker.readings import Account
from bot.errors import (
    AccountMismatch,
    AccountUnavailable,
    BrokerError,
    BrokerTimeout,
    CredentialsMissing,
    InvalidParams,
    MarketHoursOverride,
    PositionsOpen,
)
from bot.models import BotConfig, BotTrade, TradeStatus
from bot.reconciliation.report import MAX_AGE, account_objection
from bot.runtime.timeout import run_with_timeout
from bot.settings.settings import Settings
from bot.settings.types import MarketHours
from bot.states import CommandKind, Mode, next_state
from bot.storage.database import Database

#: All calls to Alpaca before one switch end within this time, in seconds.
BROKER_BUDGET_SEC = 8.0
#: So do calls that respect no time-out; it leaves some of MAX_AGE, so that their failure can still be judged.
WALL_SEC = 9.0


@dataclass(frozen=True)
class Preflight:
    """What Alpaca said before a switch *from* one mode *to* another."""

    present: Mode
    target: Mode
    read_at: datetime
    #: Symbols held at the present account.
    held: tuple[str, ...]
    #: The target's account.
    account: Account | None
    #: Why one of the accounts could not be read.
    error: BrokerError | None = None
    #: The present account.
    leaving: Account | None = None


def gather(database: Database, settings: Settings, target: Mode) -> Preflight:
    """Ask the present account who it is and what it holds, and the target account whether it can be used."""
    present, read_at = database.read(lambda session: session.execute(_PRESENT).one())
    here, there = settings.alpaca(present), settings.alpaca(target)
    if here is None or there is None or present is target:
        return Preflight(present, target, read_at, (), None)
    try:
        with (
            Alpaca(here, budget_sec=BROKER_BUDGET_SEC) as leaving,
            Alpaca(there, budget_sec=BROKER_BUDGET_SEC) as entering,
        ):
            held, present_account, target_account = run_with_timeout(
                WALL_SEC, lambda: (sorted(leaving.shares_by_symbol()), leaving.account(), entering.account())
            )
    except TimeoutError:
        return Preflight(present, target, read_at, (), None, BrokerTimeout())
    except BrokerError as error:
        return Preflight(present, target, read_at, (), None, error)
    return Preflight(present, target, read_at, tuple(held), target_account, leaving=present_account)


def judge(
    session: Session,
    config: BotConfig,
    settings: Settings,
    target: Mode,
    preflight: Preflight | None,
    now: datetime,
) -> bool:
    """Whether the mode may be switched to *target* now; False when it cannot be said without Alpaca's word yet.

    Call it under the lock on the singleton: no trade can be opened meanwhile.

    Raises:
        NotStopped, PositionsOpen, CredentialsMissing, AccountUnavailable, MarketHoursOverride: it may not.
    """
    if target is config.mode:
        return True
    next_state(config.state, CommandKind.SET_MODE, latched=config.killed)
    if target is Mode.LIVE and settings.market_hours is MarketHours.ALWAYS:
        raise MarketHoursOverride()
    for mode in (target, config.mode):
        if settings.alpaca(mode) is None:
            raise CredentialsMissing(
                f"The {mode} account has no keys: set ALPACA_{mode.upper()}_API_KEY and _SECRET, then restart."
            )
    trades = session.scalars(select(func.count()).where(BotTrade.status == TradeStatus.OPEN)).one()
    if trades:
        raise PositionsOpen(
            f"The mode cannot be switched while {trades} trade(s) are open. Close them first."
        )
    if preflight is None or preflight.present is not config.mode or now - preflight.read_at > MAX_AGE:
        return False
    if preflight.error is not None:
        raise AccountUnavailable(f"The mode was not switched: {preflight.error}")
    if preflight.leaving is not None:
        # that some other account holds nothing says nothing; that this one is blocked is no reason to stay
        objection = account_objection(preflight.leaving, config.account_id, config.mode)
        if isinstance(objection, AccountMismatch):
            raise AccountUnavailable(f"The mode was not switched: {objection}")
    if preflight.held:
        raise PositionsOpen(
            f"The mode cannot be switched while the {config.mode} account holds {', '.join(preflight.held[:10])}"
            " at Alpaca. Close these positions first."
        )
    if preflight.account is None:
        return False
    bound = config.live_account_id if target is Mode.LIVE else config.paper_account_id
    if objection := account_objection(preflight.account, bound, target):
        raise AccountUnavailable(f"The mode was not switched: {objection}")
    return True


def wanted_mode(params: Mapping[str, Any]) -> Mode:
    """The mode that a ``set_mode`` asks for.

    Raises:
        InvalidParams: it asks for none that exists.
    """
    try:
        return Mode(params["mode"])
    except (KeyError, ValueError):
        raise InvalidParams(details={"fields": {"mode": ["must be paper or live"]}}) from None


_PRESENT = select(BotConfig.mode, func.clock_timestamp())
