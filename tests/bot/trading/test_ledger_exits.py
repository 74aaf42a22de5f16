"""Exits in parts, and corrections, as the bot's programs and the operator record them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from bot.booking import Author, Booking
from bot.errors import InvalidParams, TradeConflict
from bot.models import BotTrade, ExitReason, ExitSource, TradeStatus
from bot.trading.idempotency import IdempotencyKey
from tests.bot.ledger_world import EXIT, World
from tests.bot.trading.circumstances import broken_commits


@pytest.fixture
def trade(world: World) -> BotTrade:
    """100 shares at 10.00."""
    return world.open_filled(shares=100)


def from_broker(world: World, trade_id: UUID, *fills: tuple[int, str], order: str = EXIT[1]) -> None:
    """Book *fills* of *order*, each shares and price, as reconciliation does."""

    def work(session: Session) -> None:
        with Booking(session, Author("reconciliation")) as books:
            for shares, price in fills:
                books.book_exit(
                    session.get_one(BotTrade, trade_id),
                    shares=Decimal(shares),
                    price=Decimal(price),
                    at=world.database.now(),
                    source=ExitSource.RECONCILIATION,
                    order_id=order,
                )

    world.database.run(work)


def total(world: World) -> tuple[Decimal, int, int]:
    [only] = world.stats().values()
    return only


def test_parts_of_an_exit_close_the_trade_when_they_add_up(world: World, trade: BotTrade) -> None:
    part = world.ledger.record_exit(
        trade.id, shares=40, exit_price="10.50", alpaca_exit_order_id=EXIT[1], exit_reason="hard_stop"
    )
    assert (part.status, part.exited_shares, part.pnl) == (TradeStatus.OPEN, Decimal(40), None)
    assert total(world) == (Decimal(20), 0, 0)
    closed = world.ledger.record_exit(
        trade.id, shares=60, exit_price="9.75", alpaca_exit_order_id=EXIT[1], note="the rest"
    )
    assert (closed.status, closed.pnl, closed.exit_price) == (
        *(TradeStatus.CLOSED, Decimal(5)),
        Decimal("10.05"),
    )
    assert (closed.exit_reason, closed.note) == (ExitReason.HARD_STOP, "the rest")
    assert total(world) == (Decimal(5), 1, 1)
    assert [told.kind for told in world.events(trade.id)] == ["opened", "exit_booked", "closed"]


def test_the_same_part_again_changes_nothing_and_another_time_is_another_part(
    world: World, trade: BotTrade
) -> None:
    at = world.database.now()
    said: dict[str, Any] = {
        "shares": 40,
        "exit_price": "10.5",
        "alpaca_exit_order_id": EXIT[1],
        "exit_at": at,
    }
    first = world.ledger.record_exit(trade.id, **said)
    assert world.ledger.record_exit(trade.id, **said).updated_at == first.updated_at
    later = {**said, "exit_at": at + timedelta(milliseconds=1)}
    assert world.ledger.record_exit(trade.id, **later).exited_shares == 80
    once = IdempotencyKey("executor", "key")
    last: dict[str, Any] = {"shares": 20, "exit_price": 10, "exit_reason": "time_exit", "once": once}
    world.ledger.record_exit(trade.id, **last)
    closed = world.ledger.record_exit(trade.id, **last)
    assert closed.status is TradeStatus.CLOSED
    assert world.ledger.record_exit(trade.id, **said).updated_at == closed.updated_at


def test_a_part_whose_commit_broke_off_is_booked_once(
    world: World, trade: BotTrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_commits(monkeypatch, 1)
    part = world.ledger.record_exit(trade.id, shares=40, exit_price="10.50")
    assert part.exited_shares == 40


def test_the_last_part_needs_a_reason(world: World, trade: BotTrade) -> None:
    world.ledger.record_exit(trade.id, shares=40, exit_price=11)
    with pytest.raises(InvalidParams, match="exitReason: is needed; one of trailing_stop"):
        world.ledger.record_exit(trade.id, shares=60, exit_price=11)
    assert world.trade(trade).exited_shares == 40


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [(101, "holds 100 shares, and 101 were to be exited.*adjust"), (-1, "is long")],
)
def test_what_is_not_held_cannot_be_exited(world: World, trade: BotTrade, shares: int, sentence: str) -> None:
    with pytest.raises(TradeConflict, match=sentence):
        world.ledger.record_exit(trade.id, shares=shares, exit_price=11, exit_reason="time_exit")
    assert world.stats() == {}


def test_a_close_is_of_the_rest(world: World, trade: BotTrade) -> None:
    world.ledger.record_exit(trade.id, shares=40, exit_price=11, alpaca_exit_order_id=EXIT[1])
    exit_: dict[str, Any] = {
        "exit_price": 12,
        "exit_reason": "time_exit",
        "alpaca_exit_order_id": EXIT[2],
        "exit_at": world.database.now(),
    }
    closed = world.ledger.close_trade(trade.id, **exit_)
    assert (closed.pnl, closed.exit_price) == (Decimal(160), Decimal("11.6"))
    assert world.ledger.close_trade(trade.id, **exit_).updated_at == closed.updated_at


def test_the_average_of_an_order_of_which_a_part_is_booked_gives_the_rest_its_price(
    world: World, trade: BotTrade
) -> None:
    from_broker(world, trade.id, (30, "10.10"), (10, "10.20"))
    exit_: dict[str, Any] = {
        "exit_price": "10.0033",
        "exit_reason": "time_exit",
        "alpaca_exit_order_id": EXIT[1],
    }
    closed = world.ledger.close_trade(trade.id, **exit_)
    assert closed.pnl == Decimal("0.33"), "to the cent, though the price of the rest has no end"
    assert closed.exit_price == Decimal("10.0033")
    assert world.ledger.close_trade(trade.id, **exit_).updated_at == closed.updated_at
    assert total(world) == (Decimal("0.33"), 1, 1)


def test_a_rest_that_fetched_cents_is_booked_at_its_cents(world: World, trade: BotTrade) -> None:
    from_broker(world, trade.id, (90, "10.00"))
    exit_: dict[str, Any] = {
        "exit_price": "9.05",
        "exit_reason": "hard_stop",
        "alpaca_exit_order_id": EXIT[1],
    }
    closed = world.ledger.close_trade(trade.id, **exit_)
    assert (closed.exit_price, closed.pnl) == (Decimal("9.05"), Decimal(-95))


@pytest.mark.parametrize("average", ["8", "8.95", "9"])
def test_an_average_that_the_booked_parts_make_impossible_is_an_error_that_names_it(
    world: World, trade: BotTrade, average: str
) -> None:
    from_broker(world, trade.id, (90, "10.00"))
    sentence = rf"cannot have filled at {re.escape(average)} on average: 90 of its 100 .* at 10\."
    with pytest.raises(TradeConflict, match=sentence):
        world.ledger.close_trade(
            trade.id, exit_price=average, exit_reason="time_exit", alpaca_exit_order_id=EXIT[1]
        )


def test_a_close_of_a_trade_that_reconciliation_closed_agrees_and_gives_the_reason(
    world: World, trade: BotTrade
) -> None:
    from_broker(world, trade.id, (1, "10.00"), (2, "10.01"), (97, "10.00"))
    before = world.trade(trade)
    assert (before.exit_reason, before.exit_price) == (ExitReason.RECONCILED_EXIT, Decimal("10.0002"))
    # a program may say the average rounded, and a time of its own
    closed = world.ledger.close_trade(
        trade.id,
        exit_price="10.0002",
        exit_at=world.database.now(),
        exit_reason="hard_stop",
        alpaca_exit_order_id=EXIT[1],
    )
    assert (closed.exit_reason, closed.exit_at, closed.pnl) == (
        ExitReason.HARD_STOP,
        before.exit_at,
        Decimal("0.02"),
    )
    assert total(world) == (Decimal("0.02"), 1, 1)
    with pytest.raises(TradeConflict, match=f"another exitPrice; .*use PATCH /trades/{trade.id}"):
        world.ledger.close_trade(trade.id, exit_price="10.01", alpaca_exit_order_id=EXIT[1])


def test_a_part_that_reconciliation_has_booked_is_not_booked_again(world: World, trade: BotTrade) -> None:
    from_broker(world, trade.id, (30, "10.10"), (10, "10.20"))
    for shares, price in ((30, "10.10"), (10, "10.2"), (40, "10.1250")):
        same = world.ledger.record_exit(
            trade.id, shares=shares, exit_price=price, alpaca_exit_order_id=EXIT[1]
        )
        assert same.exited_shares == 40
    for shares, price in ((50, "10"), (50, "10.125"), (40, "10.2"), (30, "10.11")):
        with pytest.raises(
            TradeConflict, match=r"booked from the broker's record: 40 shares at 10.125 so far"
        ):
            world.ledger.record_exit(trade.id, shares=shares, exit_price=price, alpaca_exit_order_id=EXIT[1])


def test_a_close_that_is_repeated_is_compared_with_the_exits_of_its_own_order(
    world: World, trade: BotTrade
) -> None:
    world.ledger.record_exit(trade.id, shares=40, exit_price=11, alpaca_exit_order_id=EXIT[1])
    from_broker(world, trade.id, (30, "12"), (30, "13"), order=EXIT[2])
    closed = world.trade(trade)
    exit_: dict[str, Any] = {"exit_price": "12.5", "alpaca_exit_order_id": EXIT[2]}
    assert world.ledger.close_trade(trade.id, **exit_).updated_at == closed.updated_at


# -- corrections ----------------------------------------------------------------------------------------------


def close_at(world: World, trade: BotTrade, price: str) -> BotTrade:
    return world.ledger.close_trade(trade.id, exit_price=price, exit_reason="time_exit")


def test_a_closed_trade_is_corrected_with_a_reason_and_the_day_changes_by_the_difference(
    world: World,
) -> None:
    other, trade = world.open_filled(), world.open_filled(shares=10, entry_price="3.30")
    close_at(world, other, "11")
    close_at(world, trade, "333")
    assert total(world)[0] == Decimal("3307")
    once = IdempotencyKey("ann", "key-1")
    said: dict[str, Any] = {
        "exit_price": "3.33",
        "exit_reason": "profit_target",
        "note": "a typo",
        "reason": "3.33, not 333",
    }
    world.ledger.correct_trade(trade.id, **said, once=once)
    fixed = world.ledger.correct_trade(trade.id, **said, once=once)
    assert (fixed.pnl, fixed.exit_reason, fixed.note) == (Decimal("0.3"), "profit_target", "a typo")
    assert total(world) == (Decimal("10.3"), 2, 2)
    told = world.events(trade.id)[-1]
    assert (told.kind, told.actor, told.reason) == ("corrected", "ledger", "3.33, not 333")
    assert (told.request_key, told.before["pnl"], told.after["pnl"]) == ("key-1", "3297", "0.3")


@pytest.mark.parametrize(
    ("said", "error", "sentence"),
    [
        ({"exit_price": 11, "reason": ""}, InvalidParams, "reason: String should have at least 1 character"),
        (
            {"reason": "why"},
            InvalidParams,
            "nothing is corrected: give exitPrice, exitAt, exitReason or note",
        ),
        ({"exit_price": 0, "reason": "why"}, InvalidParams, "exitPrice: must be above zero"),
        ({"exit_price": 11, "reason": "why"}, TradeConflict, "is open: only a closed trade is corrected"),
    ],
)
def test_a_correction_that_makes_no_sense_is_an_error(
    world: World, trade: BotTrade, said: Any, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        world.ledger.correct_trade(trade.id, **said)


@pytest.mark.parametrize(
    ("shift", "sentence"),
    [(timedelta(days=1), "exitAt: is in the future"), (timedelta(days=-1), "exitAt: is before the entry")],
)
def test_an_exit_is_corrected_to_a_time_that_can_have_been(
    world: World, trade: BotTrade, shift: timedelta, sentence: str
) -> None:
    close_at(world, trade, "11")
    with pytest.raises(InvalidParams, match=sentence):
        world.ledger.correct_trade(trade.id, exit_at=world.database.now() + shift, reason="why")


def test_what_is_no_order_of_alpaca_is_refused(world: World) -> None:
    calls: list[Callable[[], BotTrade]] = [
        lambda: world.open_filled(alpaca_order_id="my-order-1"),
        lambda: world.ledger.record_entry(world.open_filled().id, alpaca_order_id="my-order-1"),
        lambda: world.ledger.record_exit(
            world.open_filled().id, shares=1, exit_price=1, alpaca_exit_order_id="my-order-1"
        ),
        lambda: world.ledger.close_trade(
            world.open_filled().id, exit_price=1, alpaca_exit_order_id="my-order-1"
        ),
    ]
    for call in calls:
        with pytest.raises(InvalidParams, match="must be the id that Alpaca gave the order, a UUID"):
            call()
