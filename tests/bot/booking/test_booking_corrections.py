"""What a correction does to money that is booked: another entry, another exit, or none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.booking import Booking
from bot.errors import TradeConflict
from bot.models import BotTrade, ExitReason, TradeStatus
from tests.bot.booking.books import MONDAY, TUESDAY, add, book, exits, leave
from tests.bot.ledger_world import World


def test_an_entry_at_another_price_changes_the_profit_of_booked_exits_and_their_dates(world: World) -> None:
    trade_id = add(world)
    leave(world, trade_id, 40, "11", MONDAY)
    leave(world, trade_id, 60, "12", TUESDAY)
    assert world.stats() == {"2026-11-23": (Decimal(40), 0, 0), "2026-11-24": (Decimal(120), 1, 0)}
    trade = book(
        world,
        trade_id,
        lambda books, trade: books.book_entry(trade, shares=Decimal(100), price=Decimal("9.5")),
    )
    assert (trade.status, trade.pnl, trade.exit_price) == (TradeStatus.CLOSED, Decimal(210), Decimal("11.6"))
    assert world.stats() == {"2026-11-23": (Decimal(60), 0, 0), "2026-11-24": (Decimal(150), 1, 0)}


def test_an_entry_on_another_date_changes_whether_it_was_a_day_trade(world: World) -> None:
    trade_id = add(world)
    leave(world, trade_id, 100, "11", TUESDAY)
    assert world.stats() == {"2026-11-24": (Decimal(100), 1, 0)}
    book(
        world,
        trade_id,
        lambda books, trade: books.book_entry(trade, shares=Decimal(100), price=Decimal(10), at=TUESDAY),
    )
    assert world.stats() == {"2026-11-24": (Decimal(100), 1, 1)}


def test_a_bust_that_leaves_what_was_exited_closes_the_trade(world: World) -> None:
    trade_id = add(world)
    leave(world, trade_id, 70, "11")
    trade = book(
        world, trade_id, lambda books, trade: books.book_entry(trade, shares=Decimal(70), price=Decimal(10))
    )
    assert (trade.status, trade.pnl) == (TradeStatus.CLOSED, Decimal(70))
    assert world.stats() == {"2026-11-23": (Decimal(70), 1, 1)}


def test_more_that_filled_of_a_closed_trade_opens_it_again(world: World) -> None:
    trade_id = add(world)
    leave(world, trade_id, 100, "11")
    trade = book(
        world, trade_id, lambda books, trade: books.book_entry(trade, shares=Decimal(120), price=Decimal(10))
    )
    assert (trade.status, trade.open_shares, trade.pnl, trade.exit_at) == (
        *(TradeStatus.OPEN, Decimal(20)),
        *(None, None),
    )
    assert world.stats() == {"2026-11-23": (Decimal(100), 0, 0)}


def test_what_filled_of_a_missed_trade_is_corrected_and_what_is_void_did_not_fill(world: World) -> None:
    def fill(books: Booking, trade: BotTrade) -> None:
        books.book_entry(trade, shares=Decimal(70), price=Decimal(9))

    missed = book(world, add(world, status=TradeStatus.MISSED), fill)
    assert (missed.status, missed.shares, missed.entry_price) == (
        *(TradeStatus.MISSED, Decimal(70)),
        Decimal(9),
    )
    void = add(world, status=TradeStatus.VOID, filled=False)
    with pytest.raises(TradeConflict, match="is void, not open or closed or missed"):
        book(world, void, fill)
    assert (world.trade_of(void).filled, world.trade_of(void).shares) == (False, Decimal(100))


def test_less_than_was_exited_cannot_have_filled(world: World) -> None:
    trade_id = add(world)
    leave(world, trade_id, 70, "11")
    with pytest.raises(
        TradeConflict, match=r"Exits of 70 shares .* are booked, more than the 60 that are to"
    ):
        book(
            world,
            trade_id,
            lambda books, trade: books.book_entry(trade, shares=Decimal(60), price=Decimal(10)),
        )
    assert world.trade_of(trade_id).shares == 100


def test_a_reverse_split_is_adjusted_and_what_was_booked_before_stays(world: World) -> None:
    trade_id = add(world, entry_price=Decimal("0.80"))
    leave(world, trade_id, 40, "1.00")
    adjusted = book(
        world,
        trade_id,
        lambda books, trade: books.adjust(trade, shares=Decimal(6), price=Decimal(8), now=TUESDAY),
    )
    assert (adjusted.shares, adjusted.open_shares, adjusted.adjusted_at) == (Decimal(46), Decimal(6), TUESDAY)
    trade = leave(world, trade_id, 6, "8.50", TUESDAY)
    assert (trade.status, trade.pnl) == (TradeStatus.CLOSED, Decimal("11.00"))
    assert world.stats() == {"2026-11-23": (Decimal(8), 0, 0), "2026-11-24": (Decimal(3), 1, 0)}


def test_a_closed_trade_is_corrected_and_its_date_changes_by_the_difference(world: World) -> None:
    other, trade_id = add(world), add(world, shares=Decimal(10))
    leave(world, other, 100, "10.10")
    leave(world, trade_id, 10, "333")
    trade = book(
        world,
        trade_id,
        lambda books, trade: books.correct_closed(
            trade,
            exit_price=Decimal("3.33"),
            exit_at=TUESDAY,
            exit_reason=ExitReason.HARD_STOP,
            note="a typo",
        ),
    )
    assert (trade.pnl, trade.exit_price, trade.exit_at) == (Decimal("-66.7"), Decimal("3.33"), TUESDAY)
    assert (trade.exit_reason, trade.note) == (ExitReason.HARD_STOP, "a typo")
    assert world.stats() == {"2026-11-23": (Decimal(10), 1, 1), "2026-11-24": (Decimal("-66.7"), 1, 0)}


def test_exits_that_were_none_are_taken_back(world: World) -> None:
    trade_id = add(world)
    leave(world, trade_id, 40, "11", order_id="one")
    leave(world, trade_id, 60, "12", order_id="two")
    trade = book(
        world,
        trade_id,
        lambda books, trade: books.remove_exits(
            trade, [exit_ for exit_ in books.exits(trade) if exit_.order_id == "two"]
        ),
    )
    assert (trade.status, trade.open_shares, trade.alpaca_exit_order_id) == (
        TradeStatus.OPEN,
        Decimal(60),
        None,
    )
    assert world.stats() == {"2026-11-23": (Decimal(40), 0, 0)}
    assert len(exits(world, trade_id)) == 1


def test_a_closed_trade_that_another_program_wrote_as_a_row_can_be_corrected(world: World) -> None:
    trade_id = add(
        world,
        status=TradeStatus.CLOSED,
        exit_price=Decimal(11),
        exit_at=MONDAY,
        pnl=Decimal(100),
        exit_reason=ExitReason.TIME_EXIT,
    )
    world.sql(
        "INSERT INTO bot_daily_stats (date, mode, realized_pnl, trade_count, day_trade_count)"
        " VALUES ('2026-11-23', 'paper', 100, 1, 1)"
    )
    trade = book(
        world, trade_id, lambda books, trade: books.correct_closed(trade, exit_price=Decimal("10.5"))
    )
    assert (trade.pnl, world.stats()) == (Decimal(50), {"2026-11-23": (Decimal(50), 1, 1)})
