"""Makes the broker reject new orders while the bot is killed, if KILL_SUSPENDS_TRADING is set.

Whether it should follows from the bot's row; what was done is in ``bot_suspension``. The row is written before the broker is
asked, so if a process is killed in between, another one still takes the change back.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.broker.alpaca import Alpaca
from bot.broker.errors import AccountMismatch, BrokerError, BrokerTimeout
from bot.broker.time_limits import SUSPENSION as LIMITS
from bot.flattening import flattens
from bot.models import BotConfig, BotSuspension
from bot.runtime.timeout import run_with_timeout
from bot.settings.settings import Settings
from bot.states import Mode
from bot.storage.database import Database
from bot.storage.look import Look

#: How often it is looked whether something has to be changed, in seconds.
LOOK_SEC = 2.0
#: How long an attempt excludes others, and the wait after a failed one.
LEASE, RETRY = timedelta(seconds=LIMITS.lease_sec), timedelta(seconds=5)
_NOW = func.clock_timestamp()
#: Number of the advisory lock under which this is checked.
_LOCK = 0x70697462_03

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """What has to be changed at the broker."""

    mode: Mode
    suspend: bool
    #: The account that the mode is bound to; None while it is bound to none.
    account_id: str | None


class Suspender:
    """Sets ``suspend_trade`` at the broker as wanted. One thread of a process calls ``run`` repeatedly."""

    def __init__(self, database: Database, settings: Settings, *, is_worker: bool) -> None:
        """*is_worker* says that this process does it first; others do if no worker was seen."""
        self._database = database
        self._settings = settings
        self._is_worker = is_worker
        #: Where a kill suspends nothing, there is only something to do when something is suspended from before.
        self._look = (
            None
            if settings.kill_suspends_trading
            else Look("is_anything_suspended", exists(BotSuspension.mode))
        )

    def run(self) -> bool:
        """Make the change that is due. False when none is.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        if self._look is not None and not self._look.take(self._database):
            return False
        if not self._is_worker and not self._database.read(flattens.is_left_to_others):
            return False
        change = self._database.run(self._claim)
        if change is None:
            return False
        try:
            self._make(change)
        except BrokerError as error:
            text = str(error)
            self._database.run(lambda session: _failed(session, change, text))
            log.warning("suspend_trade of the %s account was not changed: %s", change.mode, error)
        else:
            self._database.run(lambda session: _done(session, change))
            what = "rejects new orders" if change.suspend else "takes orders again"
            log.info("the %s account %s", change.mode, what)
        return True

    def _claim(self, session: Session) -> Change | None:
        if not session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
            return None
        config = session.scalars(select(BotConfig)).one_or_none()
        if config is None:
            return None
        rows = {each.mode: each for each in session.scalars(select(BotSuspension))}
        if not rows and not (self._settings.kill_suspends_trading and config.killed):
            return None
        is_flattening = flattens.at_work(session) is not None
        now = session.execute(select(_NOW)).scalar_one()
        for mode in Mode:
            row = rows.get(mode)
            holds = config.killed and mode is config.mode and not is_flattening
            if row is None:
                if not (holds and self._settings.kill_suspends_trading):
                    continue
                session.execute(insert(BotSuspension).values(mode=mode, next_attempt_at=now + LEASE))
            elif row.next_attempt_at > now or (holds and row.suspended_at is not None):
                continue
            else:
                row.next_attempt_at = now + LEASE
            account_id = config.paper_account_id if mode is Mode.PAPER else config.live_account_id
            return Change(mode, holds, account_id)
        return None

    def _make(self, change: Change) -> None:
        access = self._settings.alpaca(change.mode)
        if access is None:
            raise BrokerError(f"The {change.mode} account has no keys in the settings of this process.")

        def make(alpaca: Alpaca) -> None:
            if change.account_id not in (None, alpaca.account().id):
                raise AccountMismatch(f"The {change.mode} keys lead to another account than the bound one.")
            alpaca.set_suspend_trade(change.suspend)

        try:
            with Alpaca(access, budget_sec=LIMITS.budget_sec) as alpaca:
                run_with_timeout(LIMITS.wall_sec, lambda: make(alpaca))
        except TimeoutError:
            raise BrokerTimeout() from None


def _failed(session: Session, change: Change, error: str) -> None:
    session.execute(
        update(BotSuspension)
        .where(BotSuspension.mode == change.mode)
        .values(error=error, next_attempt_at=_NOW + RETRY)
    )


def _done(session: Session, change: Change) -> None:
    of_mode = BotSuspension.mode == change.mode
    if change.suspend:
        done = update(BotSuspension).where(of_mode)
        session.execute(done.values(suspended_at=_NOW, error=None, next_attempt_at=_NOW))
    else:
        session.execute(delete(BotSuspension).where(of_mode))
