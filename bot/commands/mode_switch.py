"""Decides whether the mode may be switched. Alpaca is asked before the lock is taken; the decision is made under it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.broker.alpaca import Alpaca
from bot.broker.errors import AccountMismatch, BrokerError, BrokerTimeout
from bot.broker.readings import Account, Position
from bot.broker.time_limits import MODE_SWITCH as LIMITS
from bot.errors import (
    AccountUnavailable,
    CommandRefused,
    CredentialsMissing,
    InvalidParams,
    MarketHoursOverride,
    OrdersWorking,
    PositionsOpen,
)
from bot.models import BotConfig, BotIgnoredPosition, BotTrade, TradeStatus
from bot.reconciliation.report import MAX_AGE, account_objection
from bot.runtime.timeout import run_with_timeout
from bot.settings.settings import Settings
from bot.settings.types import MarketHours
from bot.states import CommandKind, Mode, next_state
from bot.storage.database import Database


@dataclass(frozen=True)
class Preflight:
    """Alpaca's answers before a switch *from* one mode *to* another."""

    present: Mode
    target: Mode
    read_at: datetime
    #: The positions of the present account.
    held: tuple[Position, ...]
    #: The target's account.
    account: Account | None
    #: Why one of the accounts could not be read.
    error: BrokerError | None = None
    #: The present account.
    leaving: Account | None = None
    #: Symbols of the working orders at the present account.
    working: tuple[str, ...] = ()


def gather(database: Database, settings: Settings, target: Mode) -> Preflight:
    """Read which account the present one is and what it holds, and whether the target account can be used."""
    present, read_at = database.read(lambda session: session.execute(_PRESENT).one())
    here, there = settings.alpaca(present), settings.alpaca(target)
    if here is None or there is None or present is target:
        return Preflight(present, target, read_at, (), None)

    def read(leaving: Alpaca, entering: Alpaca) -> Preflight:
        return Preflight(
            present,
            target,
            read_at,
            held=tuple(leaving.positions()),
            account=entering.account(),
            leaving=leaving.account(),
            working=tuple(
                sorted(order.symbol or order.id for order in leaving.orders_since(None, status="open"))
            ),
        )

    try:
        with (
            Alpaca(here, budget_sec=LIMITS.budget_sec) as leaving,
            Alpaca(there, budget_sec=LIMITS.budget_sec) as entering,
        ):
            return run_with_timeout(LIMITS.wall_sec, lambda: read(leaving, entering))
    except TimeoutError:
        return Preflight(present, target, read_at, (), None, BrokerTimeout())
    except BrokerError as error:
        return Preflight(present, target, read_at, (), None, error)


def judge(
    session: Session,
    config: BotConfig,
    settings: Settings,
    target: Mode,
    preflight: Preflight | None,
    now: datetime,
) -> bool:
    """Whether the mode may be switched to *target* now; False if that still needs Alpaca's answers.

    Call it under the lock on the singleton row: no trade can be opened meanwhile.

    Raises:
        NotStopped, PositionsOpen, OrdersWorking, CredentialsMissing, AccountUnavailable, MarketHoursOverride: it may not.
    """
    for objection in objections(session, config, settings, target, preflight, now):
        raise objection
    return target is config.mode or (
        preflight is not None and _is_usable(preflight, config, now) and preflight.account is not None
    )


def objections(
    session: Session,
    config: BotConfig,
    settings: Settings,
    target: Mode,
    preflight: Preflight | None,
    now: datetime,
) -> Iterator[CommandRefused]:
    """Everything that prevents a switch to *target*: first what the database knows, then, with a usable *preflight*, what Alpaca
    said."""
    if target is config.mode:
        return
    try:
        next_state(config.state, CommandKind.SET_MODE, latched=config.killed)
    except CommandRefused as error:
        yield error
    if target is Mode.LIVE and settings.market_hours is MarketHours.ALWAYS:
        yield MarketHoursOverride()
    for mode in (target, config.mode):
        try:
            settings.require_alpaca(mode)
        except CredentialsMissing as error:
            yield error
    trades = session.scalars(select(func.count()).where(BotTrade.status == TradeStatus.OPEN)).one()
    if trades:
        yield PositionsOpen(
            "The mode cannot be switched while 1 trade is open. Close it first."
            if trades == 1
            else f"The mode cannot be switched while {trades} trades are open. Close them first."
        )
    if preflight is not None and _is_usable(preflight, config, now):
        yield from _objections_of_alpaca(session, config, target, preflight)


def _is_usable(preflight: Preflight, config: BotConfig, now: datetime) -> bool:
    return preflight.present is config.mode and now - preflight.read_at <= MAX_AGE


def _objections_of_alpaca(
    session: Session, config: BotConfig, target: Mode, preflight: Preflight
) -> Iterator[CommandRefused]:
    if preflight.error is not None:
        yield AccountUnavailable(f"The mode cannot be switched: {preflight.error}")
    if preflight.leaving is not None:
        # that a wrong account holds nothing proves nothing; but that this one is blocked does not prevent the switch
        objection = account_objection(session, preflight.leaving, config, config.mode)
        if isinstance(objection, AccountMismatch):
            yield AccountUnavailable(f"The mode cannot be switched: {objection}")
    if held := _not_ignored(session, config.mode, preflight.held):
        yield PositionsOpen(
            f"The mode cannot be switched while the {config.mode} account holds {', '.join(held[:10])}"
            " at Alpaca. Close these positions first."
        )
    if preflight.working:
        yield OrdersWorking(
            f"The mode cannot be switched while orders work at the {config.mode} account:"
            f" {', '.join(preflight.working[:10])}. Cancel them first."
        )
    if preflight.account is None:
        return
    if preflight.leaving is not None and preflight.leaving.id == preflight.account.id:
        yield AccountUnavailable(
            f"The mode cannot be switched: the keys of both modes lead to Alpaca account {preflight.account.id}."
            " Each mode needs the keys of an account of its own."
        )
    if objection := account_objection(session, preflight.account, config, target):
        yield AccountUnavailable(f"The mode cannot be switched: {objection}")


def present_objections(
    session: Session, settings: Settings, target: Mode, preflight: Preflight
) -> tuple[Mode, list[CommandRefused]]:
    """The present mode, and everything that prevents a switch to *target* now; takes no lock."""
    config, now = session.execute(select(BotConfig, func.clock_timestamp())).one()
    return config.mode, list(objections(session, config, settings, target, preflight, now))


def wanted_mode(params: Mapping[str, Any]) -> Mode:
    """The mode that a ``set_mode`` asks for.

    Raises:
        InvalidParams: it does not ask for an existing mode.
    """
    try:
        return Mode(params["mode"])
    except (KeyError, ValueError):
        raise InvalidParams(details={"fields": {"mode": ["must be paper or live"]}}) from None


def _not_ignored(session: Session, mode: Mode, positions: Sequence[Position]) -> list[str]:
    """Symbols of the *positions* that are the bot's: all except those that an operator ignores in exactly this quantity."""
    rows = session.execute(
        select(BotIgnoredPosition.symbol, BotIgnoredPosition.shares).where(BotIgnoredPosition.mode == mode)
    )
    # not dict(rows): a result has a method keys(), which dict() would use
    ignored = {row.symbol: row.shares for row in rows}
    return sorted(each.symbol for each in positions if ignored.get(each.symbol) != each.shares)


_PRESENT = select(BotConfig.mode, func.clock_timestamp())
