"""Every reason why the gate is closed, and where each of its limits lies."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.market_hours import NEW_YORK
from bot.models import FlattenState
from bot.models.status_rows import StatusConfig
from bot.settings.settings import Settings
from bot.states import BotState, Mode
from bot.status import gate
from bot.status.gate import Reason
from bot.status.snapshot import BrokerView, Snapshot
from tests.bot.ledger_world import settings_of

#: A Friday, in the middle of the session.
NOON = datetime(2026, 11, 20, 12, tzinfo=NEW_YORK)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return settings_of("postgresql://nowhere/nothing", market_hours="nyse")


@pytest.fixture(scope="module")
def always() -> Settings:
    return settings_of("postgresql://nowhere/nothing")


def config(**changes: Any) -> StatusConfig:
    values: dict[str, Any] = {
        "enabled": True,
        "state": BotState.RUNNING,
        "mode": Mode.PAPER,
        "killed_at": None,
        "kill_reason": None,
        "revision": 1,
        "reconciled_at": NOON,
        "agreed_at": NOON,
        "count_open_loss": True,
        "max_concurrent_positions": 3,
        "daily_loss_limit_usd": Decimal(500),
    }
    return StatusConfig(**{**values, **changes})


def moment(at: datetime = NOON, **changes: Any) -> Snapshot:
    """A snapshot in which nothing keeps the gate closed, but for *changes*; those of the config by their names."""
    of_snapshot = {name: changes.pop(name) for name in list(changes) if name in Snapshot.__dataclass_fields__}
    at = at.astimezone(UTC)
    fine = Snapshot(
        now=at,
        config=config(**{"reconciled_at": at, **changes}),
        open_trades=0,
        realized_pnl=Decimal(0),
        trade_count=0,
        pending_commands=0,
        worker_seen_at=at,
        reading=None,
        unsettled_trades=0,
        reconciliation=None,
    )
    return replace(fine, **of_snapshot)


def test_it_is_open_when_nothing_speaks_against_it(settings: Settings) -> None:
    answer = gate.judge(moment(), settings)
    assert (answer.may_open, answer.may_monitor, answer.reasons) == (True, True, ())


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"enabled": False}, [Reason.DISABLED]),
        ({"killed_at": NOON, "state": BotState.STOPPED}, [Reason.KILLED, Reason.NOT_RUNNING]),
        ({"state": BotState.STOPPED}, [Reason.NOT_RUNNING]),
        ({"state": BotState.PAUSED}, [Reason.NOT_RUNNING]),
        ({"reconciled_at": None}, [Reason.NOT_RECONCILED]),
        ({"reconciled_at": NOON - timedelta(seconds=181)}, [Reason.RECONCILIATION_STALE]),
        ({"worker_seen_at": None}, [Reason.WORKER_OFFLINE]),
        ({"at": NOON.replace(hour=3), "reconciled_at": NOON.replace(hour=3)}, [Reason.MARKET_CLOSED]),
        ({"open_trades": 3}, [Reason.MAX_POSITIONS]),
        ({"realized_pnl": Decimal(-500)}, [Reason.DAILY_LOSS]),
    ],
)
def test_each_reason_alone_closes_it(change: Any, reasons: list[Reason], settings: Settings) -> None:
    answer = gate.judge(moment(**change), settings)
    assert not answer.may_open
    assert list(answer.reasons) == reasons


def test_it_says_every_reason_at_once(settings: Settings) -> None:
    worst = moment(
        NOON.replace(hour=3),
        enabled=False,
        killed_at=NOON,
        state=BotState.STOPPED,
        reconciled_at=None,
        worker_seen_at=None,
        open_trades=4,
        realized_pnl=Decimal(-501),
        flatten=FlattenState.WORKING,
    )
    # books that never agreed cannot be stale
    every = tuple(reason for reason in Reason if reason is not Reason.RECONCILIATION_STALE)
    assert gate.judge(worst, settings).reasons == every


def test_an_agreement_that_is_too_old_closes_it(settings: Settings) -> None:
    old = moment(reconciled_at=NOON - timedelta(hours=1))
    assert gate.judge(old, settings).reasons == (Reason.RECONCILIATION_STALE,)


@pytest.mark.parametrize(
    ("state", "may_monitor"),
    [(BotState.RUNNING, True), (BotState.PAUSED, True), (BotState.STOPPED, False)],
)
def test_positions_are_watched_while_it_runs_or_is_paused(
    state: BotState, may_monitor: bool, settings: Settings
) -> None:
    assert gate.judge(moment(state=state), settings).may_monitor is may_monitor


def test_watching_goes_on_whatever_else_keeps_it_closed(settings: Settings) -> None:
    answer = gate.judge(moment(reconciled_at=None, worker_seen_at=None, open_trades=9), settings)
    assert (answer.may_open, answer.may_monitor) == (False, True)


@pytest.mark.parametrize(
    ("pnl", "may_open"),
    [("-499.99", True), ("-499.999999999", True), ("-500", False), ("-500.00", False), ("500", True)],
)
def test_a_loss_of_exactly_the_limit_closes_it(pnl: str, may_open: bool, settings: Settings) -> None:
    assert gate.judge(moment(realized_pnl=Decimal(pnl)), settings).may_open is may_open


@pytest.mark.parametrize(("open_trades", "may_open"), [(2, True), (3, False), (4, False)])
def test_as_many_open_trades_as_allowed_close_it(
    open_trades: int, may_open: bool, settings: Settings
) -> None:
    assert gate.judge(moment(open_trades=open_trades), settings).may_open is may_open


@pytest.mark.parametrize(("age_ms", "may_open"), [(29_999, True), (30_000, False), (30_001, False)])
def test_a_worker_that_was_not_seen_for_30_s_closes_it(
    age_ms: int, may_open: bool, settings: Settings
) -> None:
    seen = NOON - timedelta(milliseconds=age_ms)
    assert gate.judge(moment(worker_seen_at=seen), settings).may_open is may_open


@pytest.mark.parametrize(
    ("at", "may_open"),
    [
        ("2026-11-20 09:29:59.999999", False),
        ("2026-11-20 09:30:00", True),
        ("2026-11-20 15:59:59.999999", True),
        ("2026-11-20 16:00:00", False),
        ("2026-11-21 12:00:00", False),  # a Saturday
        ("2026-11-26 12:00:00", False),  # Thanksgiving
        ("2026-11-27 12:59:59", True),  # the day after closes at 13:00
        ("2026-11-27 13:00:00", False),
        ("2026-03-06 09:30:00", True),  # the last session of winter time
        ("2026-03-09 09:30:00", True),  # the first of summer time
        ("2026-03-09 09:29:59", False),
    ],
)
def test_it_goes_by_the_hours_of_the_exchange(at: str, may_open: bool, settings: Settings) -> None:
    there = datetime.fromisoformat(at).replace(tzinfo=NEW_YORK)
    assert gate.judge(moment(there, reconciled_at=there), settings).may_open is may_open


@pytest.mark.parametrize(
    ("closures", "at", "may_open"),
    [
        ("2026-11-20", NOON, False),  # closed
        ("2026-11-20 11:30", NOON, False),  # closed early
        ("2026-11-20 12:30", NOON, True),
        ("2026-11-19", NOON, True),
    ],
)
def test_a_closure_at_short_notice_closes_it(closures: str, at: datetime, may_open: bool) -> None:
    given = settings_of("postgresql://nowhere/nothing", market_hours="nyse", market_closures=closures)
    assert gate.judge(moment(at), given).may_open is may_open
    always = settings_of("postgresql://nowhere/nothing", market_closures=closures)
    assert gate.judge(moment(at), always).may_open, "the calendar is set aside, and this with it"


@pytest.mark.parametrize(
    ("state", "age_sec", "is_stale"),
    [
        (BotState.RUNNING, 180, False),
        (BotState.RUNNING, 181, True),
        (BotState.PAUSED, 181, True),
        (BotState.STOPPED, 900, False),
        (BotState.STOPPED, 901, True),
    ],
)
def test_agreement_is_stale_after_three_intervals(
    state: BotState, age_sec: int, is_stale: bool, settings: Settings
) -> None:
    now = moment(state=state, reconciled_at=NOON - timedelta(seconds=age_sec))
    assert (Reason.RECONCILIATION_STALE in gate.judge(now, settings).reasons) is is_stale


def read(market_open: bool = True, open_pnl: Any = 0, age_sec: float = 0) -> BrokerView:
    """What the broker said: the market opens or closes next at four."""
    return BrokerView(
        read_at=NOON - timedelta(seconds=age_sec),
        open_pnl=None if open_pnl is None else Decimal(open_pnl),
        market_open=market_open,
        next_open=NOON.replace(hour=16),
        next_close=NOON.replace(hour=16),
    )


@pytest.mark.parametrize("hours", ["nyse", "always"])
def test_the_brokers_clock_closes_it_whatever_the_calendar_says(
    hours: str, settings: Settings, always: Settings
) -> None:
    given = always if hours == "always" else settings
    assert gate.judge(moment(reading=read(market_open=False)), given).reasons == (Reason.MARKET_CLOSED,)
    assert gate.judge(moment(reading=read()), given).may_open
    four = NOON.replace(hour=16)
    assert not gate.is_market_open(moment(four, reading=read()), always), "it said when it closes"
    assert gate.is_market_open(moment(four, reading=read(market_open=False)), always), "and opens"


@pytest.mark.parametrize(
    ("realized", "unrealized", "counts", "may_open"),
    [
        (0, -1000, True, False),
        (0, -500, True, False),
        (0, "-499.99", True, True),
        (-300, -200, True, False),
        (0, -1000, False, True),
        (-500, 1000, True, False),  # an open profit is not had yet
        (700, -1000, True, True),
        (0, None, True, True),
        ("-499.5", None, True, True),  # what is not known is no loss
        ("-499.5", -1000, False, True),
    ],
)
def test_an_open_loss_counts_where_the_thresholds_say_so(
    realized: Any, unrealized: Any, counts: bool, may_open: bool, settings: Settings
) -> None:
    now = moment(realized_pnl=Decimal(realized), reading=read(open_pnl=unrealized), count_open_loss=counts)
    assert gate.judge(now, settings).may_open is may_open


@pytest.mark.parametrize("age_sec", [181, 899])
def test_an_open_loss_counts_until_it_is_read_anew(age_sec: int) -> None:
    seldom = settings_of("postgresql://nowhere/nothing", market_hours="nyse", reconcile_every_sec=300)
    last_read = NOON - timedelta(seconds=age_sec)
    now = moment(reading=read(open_pnl=-1000, age_sec=age_sec), reconciled_at=last_read)
    assert gate.judge(now, seldom).reasons == (Reason.DAILY_LOSS,)


@pytest.mark.parametrize(("mode", "may_open"), [(Mode.PAPER, True), (Mode.LIVE, False)])
def test_market_hours_always_counts_in_paper_mode_only(mode: Mode, may_open: bool, always: Settings) -> None:
    night = moment(NOON.replace(hour=3), mode=mode, reconciled_at=NOON.replace(hour=3))
    assert gate.judge(night, always).may_open is may_open
