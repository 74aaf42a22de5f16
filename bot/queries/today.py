"""One day: the bot's states, and what its trades earned. Days are those of New York."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from bot.market_hours import day_after, midnight, trading_date
from bot.models import BotCommand, BotConfig, BotTrade, BotTradeExit, TradeStatus
from bot.states import BotState, CommandKind, Mode

#: The most commands that are read for the states of a day, the latest first; on a day with more, the states begin later.
MOST_COMMANDS = 5_000
_PAGE = 500
_LATCH = (CommandKind.KILL, CommandKind.REARM)


@dataclass(frozen=True)
class Stretch:
    """A time during which neither state, mode nor kill latch changed."""

    state: BotState
    killed: bool
    mode: Mode
    began_at: datetime
    ended_at: datetime
    #: The command that began it; None if it lasted since before the day.
    command: BotCommand | None


@dataclass(frozen=True)
class Minute:
    """The profit that the exits within one minute realized."""

    at: datetime
    pnl: Decimal
    #: Trades that were closed in it.
    trades: int


def day(session: Session, on: date | None = None) -> tuple[date, datetime, datetime, datetime]:
    """Date, beginning and end of the day *on*, by default today's, and the present time, by the database's clock."""
    now = session.scalars(select(func.clock_timestamp())).one()
    on = on or trading_date(now)
    begins, ends = (midnight(at).astimezone(now.tzinfo) for at in (on, day_after(on)))
    return on, begins, ends, now


def mode_and_loss_limit(session: Session) -> tuple[Mode, Decimal]:
    """The present mode, and the loss of a day, in US dollars, at which the gate closes."""
    mode, limit = session.execute(select(BotConfig.mode, BotConfig.daily_loss_limit_usd)).one()
    return mode, limit


def states(session: Session, begins: datetime, now: datetime) -> list[Stretch]:
    """The bot's states from *begins* until *now*, without a gap, the earliest first."""
    config = session.scalars(select(BotConfig)).one()
    commands, before, begins = _applied_since(session, begins)
    latches = [command.kind for command in commands if command.kind in _LATCH]
    state = before.to_state if before else commands[0].from_state if commands else config.state
    mode = before.mode if before else commands[0].mode if commands else config.mode
    killed = latches[0] is CommandKind.REARM if latches else config.killed

    found = [Stretch(state or config.state, killed, mode or config.mode, begins, now, None)]
    for command in commands:
        last = found[-1]
        killed = command.kind is CommandKind.KILL if command.kind in _LATCH else last.killed
        after = (command.to_state or last.state, killed, command.mode or last.mode)
        at = command.finished_at
        if at is not None and after != (last.state, last.killed, last.mode):
            found[-1] = replace(last, ended_at=at)
            found.append(Stretch(*after, at, now, command))
    return found


def minutes(session: Session, mode: Mode, begins: datetime, ends: datetime) -> Sequence[Minute]:
    """The profit realized in *mode* by the exits between *begins* and *ends*, minute by minute."""
    minute = func.date_trunc("minute", BotTradeExit.at)
    closed = (BotTrade.status == TradeStatus.CLOSED) & (func.date_trunc("minute", BotTrade.exit_at) == minute)
    rows = session.execute(
        select(minute, func.sum(BotTradeExit.pnl), func.count(distinct(BotTrade.id)).filter(closed))
        .join(BotTrade, BotTrade.id == BotTradeExit.trade_id)
        .where(
            BotTradeExit.at >= begins,
            BotTradeExit.at < ends,
            func.coalesce(BotTrade.mode, Mode.PAPER) == mode,
        )
        .group_by(minute)
        .order_by(minute)
    )
    return [Minute(at, pnl, trades) for at, pnl, trades in rows]


def _applied_since(
    session: Session, begins: datetime
) -> tuple[list[BotCommand], BotCommand | None, datetime]:
    """The applied commands since *begins*, the earliest first; the one before them; and since when they are complete."""
    newest_first = (
        select(BotCommand).where(BotCommand.revision.is_not(None)).order_by(BotCommand.revision.desc())
    )
    found: list[BotCommand] = []
    while len(found) < MOST_COMMANDS:
        page = newest_first.limit(_PAGE)
        if found:
            page = page.where(BotCommand.revision < found[-1].revision)
        rows = session.scalars(page).all()
        for command in rows:
            if command.finished_at is not None and command.finished_at <= begins:
                return found[::-1], command, begins
            found.append(command)
        if len(rows) < _PAGE:
            return found[::-1], None, begins
    return found[:-1][::-1], found[-1], found[-1].finished_at or begins
