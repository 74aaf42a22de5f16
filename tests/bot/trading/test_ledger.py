"""The life of a trade in the ledger, step by step, and what may be repeated."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.errors import (
    GateClosed,
    IdempotencyConflict,
    InvalidParams,
    OutcomeUnknown,
    TradeConflict,
    TradeNotFound,
)
from bot.models import BotTrade, ExitReason, TradeStatus
from bot.states import Mode
from bot.trading.idempotency import IdempotencyKey
from tests.bot.ledger_world import EXIT, ORDER, World, settings_of

WROTE_OFF = (
    "UPDATE bot_trade SET status = 'missed', exit_reason = 'reconciled_missing_on_startup' WHERE id = :id"
)
IN_EVERY_STATE = pytest.mark.parametrize("halt", ["pause", "stop", "kill"])


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(settings_of(database_url))
    world.open_gate()
    yield world
    world.close()


def reserve(world: World, **changes: Any) -> BotTrade:
    return world.ledger.open_trade(**{"symbol": "ACME", "shares": 10, "entry_price": "10.00", **changes})


# -- opening --------------------------------------------------------------------------------------------------


def test_a_trade_is_opened_with_all_that_is_known_of_it(world: World) -> None:
    at = world.database.now() - timedelta(minutes=3)
    trade = world.ledger.open_trade(
        symbol="BRK.B",
        shares="-2.5",
        entry_price=Decimal("431.20"),
        alpaca_order_id=ORDER[1],
        entry_at=at,
        catalyst_type="earnings",
        catalyst_tier=2,
        note="the first",
    )
    kept = world.trade(trade)
    assert (kept.symbol, kept.shares, kept.entry_price) == ("BRK.B", Decimal("-2.5"), Decimal("431.20"))
    assert (kept.catalyst_type, kept.catalyst_tier, kept.note) == ("earnings", 2, "the first")
    assert (kept.status, kept.mode, kept.filled) == (TradeStatus.OPEN, Mode.PAPER, True)
    assert (kept.alpaca_order_id, kept.entry_at) == (ORDER[1], at)
    assert (kept.exit_price, kept.exit_at, kept.pnl, kept.exit_reason) == (None, None, None, None)


def test_times_that_are_not_given_are_the_databases(world: World) -> None:
    before = world.database.now()
    trade = world.open_filled()
    closed = world.ledger.close_trade(trade.id, exit_price=11, exit_reason="profit_target")
    after = world.database.now()
    assert closed.exit_at is not None
    assert before <= trade.entry_at <= closed.exit_at <= after
    assert before <= trade.created_at <= after


def test_a_closed_gate_refuses_with_every_reason_and_inserts_nothing(world: World) -> None:
    world.do("kill")
    world.age_worker(timedelta(minutes=1))
    with pytest.raises(GateClosed) as refused:
        reserve(world)
    assert refused.value.reasons == ("disabled", "killed", "not_running", "worker_offline")
    assert refused.value.details == {
        "reasons": ["disabled", "killed", "not_running", "worker_offline"],
    }
    assert "killed" in str(refused.value)
    assert world.count_trades() == 0


def test_a_paused_bot_opens_nothing(world: World) -> None:
    world.do("pause")
    with pytest.raises(GateClosed, match="not_running"):
        reserve(world)


def test_a_reservation_takes_a_place_before_its_order_is_sent(world: World) -> None:
    world.do("update_config", maxConcurrentPositions=1)
    trade = reserve(world)
    assert (trade.status, trade.filled, trade.alpaca_order_id) == (TradeStatus.OPEN, False, None)
    with pytest.raises(GateClosed, match="max_positions"):
        reserve(world)


# -- the entry ------------------------------------------------------------------------------------------------


def test_an_order_is_attached_first_and_its_fill_recorded_when_it_is_finished(world: World) -> None:
    trade = reserve(world)
    sent = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1])
    assert (sent.alpaca_order_id, sent.filled, sent.entry_price) == (ORDER[1], False, Decimal("10.00"))
    at = world.database.now()
    filled = world.ledger.record_entry(
        trade.id, alpaca_order_id=ORDER[1], entry_price="10.03", shares=7, entry_at=at
    )
    assert (filled.filled, filled.entry_price, filled.shares) == (True, Decimal("10.03"), Decimal(7))
    assert (filled.entry_at, filled.note) == (at, None)


@IN_EVERY_STATE
def test_a_fill_is_recorded_though_the_gate_closed_after_its_order_was_sent(world: World, halt: str) -> None:
    trade = reserve(world)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1])
    world.do(halt)
    filled = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=10, shares=10)
    assert (filled.status, filled.filled) == (TradeStatus.OPEN, True)


def test_a_fill_that_is_recorded_twice_changes_nothing(world: World) -> None:
    trade = reserve(world)
    fill: dict[str, Any] = {"alpaca_order_id": ORDER[1], "entry_price": "10.1", "shares": 10}
    first = world.ledger.record_entry(trade.id, **fill)
    again = world.ledger.record_entry(trade.id, **fill)
    assert (again.updated_at, again.entry_at) == (first.updated_at, first.entry_at)


def test_a_fill_of_more_shares_replaces_the_one_before(world: World) -> None:
    trade = reserve(world)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price="10.10", shares=4)
    more = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price="10.12", shares=10)
    assert (more.shares, more.entry_price) == (Decimal(10), Decimal("10.12"))


@pytest.mark.parametrize("sign", [1, -1])
def test_an_earlier_fill_that_is_delivered_late_changes_nothing(world: World, sign: int) -> None:
    trade = reserve(world, shares=10 * sign)
    fills = [(4, "10.10"), (10, "10.12"), (4, "10.10")]
    _, full, late = [
        world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=price, shares=shares * sign)
        for shares, price in fills
    ]
    assert (late.shares, late.entry_price) == (Decimal(10 * sign), Decimal("10.12"))
    assert (late.updated_at, late.note) == (full.updated_at, full.note)


def test_a_fill_of_fewer_shares_that_was_never_reported_is_an_error_that_names_the_way_out(
    world: World,
) -> None:
    trade = world.open_filled(shares=100, alpaca_order_id=ORDER[1])
    for shares, price in ((60, 10), (100, "10.01")):
        with pytest.raises(
            TradeConflict,
            match=rf"is recorded with 100 shares at 10, not {shares} at {price}.*settle it with adjust",
        ) as refused:
            world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=price, shares=shares)
        assert refused.value.details == {"tradeId": str(trade.id)}
    kept = world.trade(trade)
    assert (kept.shares, kept.entry_price) == (Decimal(100), Decimal(10))


def test_what_an_operator_adjusted_is_not_replaced_by_a_fill_of_before(world: World) -> None:
    trade = world.open_filled(shares=100, entry_price="0.80", alpaca_order_id=ORDER[1])
    world.sql(
        "UPDATE bot_trade SET shares = 10, entry_price = 8, adjusted_at = now() WHERE id = :id", id=trade.id
    )
    again = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price="0.80", shares=100)
    assert (again.shares, again.entry_price) == (Decimal(10), Decimal(8))
    with pytest.raises(TradeConflict, match="settle it with adjust"):
        world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price="0.80", shares=120)
    closed = world.ledger.close_trade(trade.id, exit_price="8.50", exit_reason="profit_target")
    assert closed.pnl == 5


def test_a_trade_keeps_the_order_that_filled_and_its_side(world: World) -> None:
    trade = reserve(world)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=10, shares=5)
    with pytest.raises(TradeConflict, match=f"is recorded with order {ORDER[1]}, not {ORDER[2]}"):
        world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[2])
    with pytest.raises(TradeConflict, match="is long, but its fill is short"):
        world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=10, shares=-10)


@pytest.mark.parametrize("fill", [{}, {"entry_price": 10, "shares": 10}])
def test_an_order_that_replaced_one_of_which_nothing_filled_takes_its_place(
    world: World, fill: dict[str, Any]
) -> None:
    trade = reserve(world)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1])
    replaced = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[2], **fill)
    assert (replaced.alpaca_order_id, replaced.filled) == (ORDER[2], bool(fill))
    told = world.events(trade.id)[2]
    assert (told.kind, told.before["alpacaOrderId"], told.after["alpacaOrderId"]) == (
        "entry_recorded",
        ORDER[1],
        ORDER[2],
    )


def test_an_order_belongs_to_one_trade(world: World) -> None:
    first = world.open_filled(alpaca_order_id=ORDER[1])
    second = reserve(world)
    with pytest.raises(TradeConflict, match=f"Order {ORDER[1]} belongs to trade {first.id}"):
        world.ledger.record_entry(second.id, alpaca_order_id=ORDER[1])


@pytest.mark.parametrize("fill", [{}, {"entry_price": 10, "shares": 10}])
def test_a_reservation_that_was_written_off_is_open_again_when_its_order_becomes_known(
    world: World, fill: dict[str, Any]
) -> None:
    trade = reserve(world)
    world.sql(WROTE_OFF, id=trade.id)
    back = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], **fill)
    assert (back.status, back.exit_reason, back.filled) == (TradeStatus.OPEN, None, bool(fill))
    assert back.note == "Was missed until its order became known; open again."


def test_a_void_trade_is_open_again_when_its_order_filled_after_all(world: World) -> None:
    trade = reserve(world)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1])
    world.ledger.void_trade(trade.id)
    late = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1])
    assert late.status is TradeStatus.VOID, "a message that comes late is no news"
    filled = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=10, shares=10)
    assert (filled.status, filled.filled) == (TradeStatus.OPEN, True)


def test_a_trade_of_the_other_account_does_not_come_back(world: World) -> None:
    trade = reserve(world)
    world.sql(WROTE_OFF, id=trade.id)
    world.sql("UPDATE bot_config SET mode = 'live'")
    with pytest.raises(TradeConflict, match="was opened in paper mode, and the bot is in live mode now"):
        world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=10, shares=10)


def test_a_trade_that_was_written_off_after_its_fill_stays_written_off(world: World) -> None:
    trade = world.open_filled(alpaca_order_id=ORDER[1])
    world.sql(WROTE_OFF, id=trade.id)
    same = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price="10", shares=10)
    assert same.status is TradeStatus.MISSED
    with pytest.raises(TradeConflict, match="is missed"):
        world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price="11", shares=10)


# -- withdrawing ----------------------------------------------------------------------------------------------


@IN_EVERY_STATE
def test_a_trade_whose_order_never_filled_is_withdrawn_in_every_state(world: World, halt: str) -> None:
    trade = reserve(world)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1])
    world.do(halt)
    void = world.ledger.void_trade(trade.id, note="canceled at the broker")
    assert (void.status, void.note, void.pnl) == (TradeStatus.VOID, "canceled at the broker", None)
    assert world.stats() == {}
    assert world.ledger.void_trade(trade.id).note == "canceled at the broker"


def test_a_reservation_that_was_written_off_can_be_withdrawn(world: World) -> None:
    trade = reserve(world)
    world.sql(WROTE_OFF, id=trade.id)
    void = world.ledger.void_trade(trade.id)
    assert (void.status, void.exit_reason) == (TradeStatus.VOID, None)


def test_a_trade_that_filled_cannot_be_withdrawn(world: World) -> None:
    trade = world.open_filled()
    with pytest.raises(TradeConflict, match="cannot be void: close it"):
        world.ledger.void_trade(trade.id)


# -- the exit -------------------------------------------------------------------------------------------------


@IN_EVERY_STATE
def test_an_exit_is_recorded_in_every_state(world: World, halt: str) -> None:
    trade = world.open_filled()
    world.do(halt)
    closed = world.ledger.close_trade(trade.id, exit_price=11, exit_reason="force_close")
    assert (closed.status, closed.pnl) == (TradeStatus.CLOSED, Decimal(10))


def test_the_exit_reason_can_be_marked_before_and_is_not_forgotten(world: World) -> None:
    trade = world.open_filled()
    world.ledger.mark_exit_reason(trade.id, "hard_stop")
    marked = world.ledger.mark_exit_reason(trade.id, ExitReason.TRAILING_STOP)
    assert (marked.status, marked.exit_reason) == (TradeStatus.OPEN, ExitReason.TRAILING_STOP)
    closed = world.ledger.close_trade(trade.id, exit_price=11)
    assert closed.exit_reason is ExitReason.TRAILING_STOP
    assert world.ledger.mark_exit_reason(trade.id, "trailing_stop").status is TradeStatus.CLOSED
    with pytest.raises(TradeConflict, match="its exit reason stays as it is"):
        world.ledger.mark_exit_reason(trade.id, "time_exit")


def test_a_close_without_any_reason_is_refused(world: World) -> None:
    trade = world.open_filled()
    with pytest.raises(InvalidParams, match="exitReason: is needed; one of trailing_stop, hard_stop,"):
        world.ledger.close_trade(trade.id, exit_price=11)
    assert world.trade(trade).status is TradeStatus.OPEN


def test_a_second_close_with_the_same_data_gives_the_same_trade(world: World) -> None:
    trade = world.open_filled()
    exit_: dict[str, Any] = {
        "exit_price": "11.50",
        "exit_reason": "profit_target",
        "exit_at": world.database.now(),
        "alpaca_exit_order_id": EXIT[1],
    }
    first = world.ledger.close_trade(trade.id, **exit_)
    again = world.ledger.close_trade(trade.id, **{**exit_, "exit_price": "11.5000"})
    assert (again.id, again.updated_at) == (first.id, first.updated_at)
    assert list(world.stats().values()) == [(Decimal("15.00"), 1, 1)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"exit_price": "11.51"}, "exitPrice"),
        ({"exit_reason": "time_exit"}, "exitReason"),
        ({"alpaca_exit_order_id": EXIT[2]}, "alpacaExitOrderId"),
        ({"exit_at": datetime(2026, 1, 5, tzinfo=UTC)}, "exitAt"),
    ],
)
def test_a_second_close_with_other_data_is_an_error(world: World, change: dict[str, Any], field: str) -> None:
    trade = world.open_filled()
    exit_: dict[str, Any] = {
        "exit_price": "11.50",
        "exit_reason": "profit_target",
        "alpaca_exit_order_id": EXIT[1],
    }
    world.ledger.close_trade(trade.id, **exit_)
    with pytest.raises(TradeConflict, match=f"another {field}; nothing was changed") as refused:
        world.ledger.close_trade(trade.id, **{**exit_, **change})
    assert refused.value.details == {"tradeId": str(trade.id), "fields": [field]}
    assert list(world.stats().values()) == [(Decimal("15.00"), 1, 1)]


def test_an_exit_order_belongs_to_one_trade(world: World) -> None:
    first, second = world.open_filled(), world.open_filled()
    exit_: dict[str, Any] = {"exit_price": "11", "exit_reason": "time_exit", "alpaca_exit_order_id": EXIT[1]}
    world.ledger.close_trade(first.id, **exit_)
    with pytest.raises(TradeConflict, match=f"Order {EXIT[1]} belongs to trade {first.id}"):
        world.ledger.close_trade(second.id, **exit_)
    with pytest.raises(TradeConflict, match=f"Order {EXIT[1]} belongs to trade {first.id}"):
        world.ledger.record_exit(second.id, shares=1, **exit_)


def test_a_trade_whose_entry_is_not_known_to_have_filled_cannot_be_closed(world: World) -> None:
    trade = reserve(world)
    with pytest.raises(TradeConflict, match="is not known to have filled: record it first"):
        world.ledger.close_trade(trade.id, exit_price=11, exit_reason="time_exit")
    world.ledger.void_trade(trade.id)
    with pytest.raises(TradeConflict, match="is not known to have filled"):
        world.ledger.close_trade(trade.id, exit_price=11, exit_reason="time_exit")


def test_the_true_exit_of_a_trade_that_was_written_off_can_be_recorded_later(world: World) -> None:
    trade = world.open_filled(note="a note")
    world.sql(WROTE_OFF, id=trade.id)
    closed = world.ledger.close_trade(
        trade.id, exit_price="9", exit_reason="hard_stop", note="sold by hand at the broker"
    )
    assert (closed.status, closed.pnl, closed.exit_reason) == (
        TradeStatus.CLOSED,
        Decimal(-10),
        ExitReason.HARD_STOP,
    )
    assert closed.note == (
        "a note\nWas written off as reconciled_missing_on_startup; its exit became known later.\n"
        "sold by hand at the broker"
    )
    assert list(world.stats().values()) == [(Decimal(-10), 1, 1)]


def test_what_was_written_off_keeps_that_reason_if_no_other_is_given(world: World) -> None:
    trade = world.open_filled()
    world.sql(WROTE_OFF, id=trade.id)
    closed = world.ledger.close_trade(trade.id, exit_price="9")
    assert closed.exit_reason is ExitReason.RECONCILED_MISSING_ON_STARTUP


def test_a_trade_that_does_not_exist_is_named(world: World) -> None:
    nobody = uuid4()
    with pytest.raises(TradeNotFound, match=f"There is no trade {nobody}"):
        world.ledger.close_trade(nobody, exit_price=11, exit_reason="time_exit")


# -- the same thing twice -------------------------------------------------------------------------------------


def test_the_same_fill_opened_twice_is_one_trade(world: World) -> None:
    first = world.open_filled(alpaca_order_id=ORDER[1])
    again = world.open_filled(alpaca_order_id=ORDER[1], shares="10.0", entry_price="10")
    assert (again.id, again.updated_at, world.count_trades()) == (first.id, first.updated_at, 1)


def test_a_fill_that_was_recorded_is_found_again_when_the_gate_is_closed(world: World) -> None:
    first = world.open_filled(alpaca_order_id=ORDER[1])
    world.do("kill")
    assert world.open_filled(alpaca_order_id=ORDER[1]).id == first.id


@pytest.mark.parametrize(
    ("change", "field"),
    [({"entry_price": 11}, "entryPrice"), ({"shares": -10}, "shares"), ({"symbol": "OTHER"}, "symbol")],
)
def test_the_same_order_with_other_data_is_an_error(world: World, change: dict[str, Any], field: str) -> None:
    facts: dict[str, Any] = {"symbol": "ACME", "shares": 10, "entry_price": 10, "alpaca_order_id": ORDER[1]}
    world.ledger.open_trade(**facts)
    with pytest.raises(TradeConflict, match=f"another {field}"):
        world.ledger.open_trade(**{**facts, **change})
    assert world.count_trades() == 1


def test_ten_threads_that_record_the_same_fill_make_one_trade(world: World) -> None:
    with ThreadPoolExecutor(10) as pool:
        futures = [pool.submit(world.open_filled, alpaca_order_id=ORDER[1]) for _ in range(10)]
        ids = {future.result().id for future in futures}
    assert (len(ids), world.count_trades()) == (1, 1)


def test_ten_threads_that_record_the_same_exit_count_it_once(world: World) -> None:
    trade = world.open_filled()
    with ThreadPoolExecutor(10) as pool:
        futures = [
            pool.submit(world.ledger.close_trade, trade.id, exit_price="11", exit_reason="time_exit")
            for _ in range(10)
        ]
        assert {future.result().pnl for future in futures} == {Decimal(10)}
    assert list(world.stats().values()) == [(Decimal(10), 1, 1)]


def test_the_database_itself_holds_that_an_order_belongs_to_one_trade(world: World) -> None:
    world.open_filled(alpaca_order_id=ORDER[1])
    with pytest.raises(Exception, match="ix_bot_trade_order"):
        world.sql(
            f"INSERT INTO bot_trade (symbol, entry_price, shares, alpaca_order_id) VALUES ('A', 1, 1, '{ORDER[1]}')"
        )


def test_a_key_makes_a_repeated_reservation_one_trade_even_if_the_gate_closed_meanwhile(world: World) -> None:
    once = IdempotencyKey("executor", "signal-17")
    first = reserve(world, once=once)
    world.do("stop")
    assert reserve(world, once=once).id == first.id
    assert world.count_trades() == 1


def test_ten_threads_with_the_same_key_make_one_trade(world: World) -> None:
    with ThreadPoolExecutor(10) as pool:
        futures = [
            pool.submit(reserve, world, once=IdempotencyKey("executor", "signal-17")) for _ in range(10)
        ]
        assert len({future.result().id for future in futures}) == 1
    assert world.count_trades() == 1


def test_a_key_is_its_actors_own_and_fits_one_request_only(world: World) -> None:
    first = reserve(world, once=IdempotencyKey("executor", "key"))
    assert reserve(world, once=IdempotencyKey("somebody else", "key")).id != first.id
    with pytest.raises(IdempotencyConflict, match="Use a new key") as refused:
        reserve(world, shares=11, once=IdempotencyKey("executor", "key"))
    assert refused.value.details == {"tradeId": str(first.id)}
    with pytest.raises(IdempotencyConflict):
        world.ledger.void_trade(first.id, once=IdempotencyKey("executor", "key"))


def broken_commits(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The first commits succeed, but the connection breaks before anybody hears of it."""
    commit, left = Session.commit, [count]

    def break_off(session: Session) -> None:
        commit(session)
        if left[0]:
            left[0] -= 1
            raise OperationalError("COMMIT", None, Exception("gone"), connection_invalidated=True)

    monkeypatch.setattr(Session, "commit", break_off)


def test_a_connection_that_breaks_at_the_commit_makes_no_second_trade(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_commits(monkeypatch, 1)
    trade = reserve(world)
    assert world.count_trades() == 1
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=10, shares=10)
    broken_commits(monkeypatch, 1)
    world.ledger.close_trade(trade.id, exit_price=11, exit_reason="time_exit")
    assert list(world.stats().values()) == [(Decimal(10), 1, 1)]


def test_a_commit_whose_fate_is_unknown_says_so_and_may_be_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = IdempotencyKey("executor", "signal-17")
    broken_commits(monkeypatch, 2)
    with pytest.raises(OutcomeUnknown, match="Send the same request again, with the same Idempotency-Key"):
        reserve(world, once=once)
    assert reserve(world, once=once).status is TradeStatus.OPEN
    assert world.count_trades() == 1


def test_a_request_that_was_refused_may_come_again_under_its_key(world: World) -> None:
    once = IdempotencyKey("executor", "signal-17")
    world.do("pause")
    with pytest.raises(GateClosed):
        reserve(world, once=once)
    world.do("resume")
    assert reserve(world, once=once).status is TradeStatus.OPEN
