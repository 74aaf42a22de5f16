"""What the books do with money: exits in parts, the statistics of each date and mode, and an event for every change."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from bot.booking import Booking
from bot.errors import TradeConflict
from bot.models import BotTrade, ExitReason, ExitSource, TradeStatus
from tests.bot.booking.books import ANN, MONDAY, TUESDAY, add, book, exits, leave
from tests.bot.ledger_world import World

# -- exits ----------------------------------------------------------------------------------------------------


def test_a_trade_is_closed_when_its_exits_add_up_to_its_shares_and_each_counts_on_its_own_date(
    world: World,
) -> None:
    trade_id = add(world)
    part = leave(world, trade_id, 40, "10.50", MONDAY, order_id="one")
    assert (part.status, part.exited_shares, part.open_shares) == (TradeStatus.OPEN, Decimal(40), Decimal(60))
    assert (part.exit_price, part.pnl, part.exit_at) == (None, None, None)
    assert world.stats() == {"2026-11-23": (Decimal(20), 0, 0)}
    whole = leave(world, trade_id, 60, "9.75", TUESDAY, order_id="two")
    assert (whole.status, whole.exited_shares) == (TradeStatus.CLOSED, Decimal(100))
    assert (whole.exit_price, whole.pnl) == (Decimal("10.05"), Decimal(5))
    assert (whole.exit_at, whole.alpaca_exit_order_id) == (TUESDAY, "two")
    assert whole.exit_reason is ExitReason.RECONCILED_EXIT
    # the trade counts once, on the date of its last exit; it was no day trade
    assert world.stats() == {"2026-11-23": (Decimal(20), 0, 0), "2026-11-24": (Decimal(-15), 1, 0)}


def test_a_trade_that_was_entered_and_left_on_one_date_is_one_day_trade(world: World) -> None:
    trade_id = add(world, shares=Decimal(-3))
    leave(world, trade_id, -1, "9.00")
    leave(world, trade_id, -1, "11.00")
    trade = leave(world, trade_id, -1, "9.50")
    assert (trade.status, trade.pnl) == (TradeStatus.CLOSED, Decimal("0.5"))
    assert world.stats() == {"2026-11-23": (Decimal("0.5"), 1, 1)}


def test_an_average_without_an_end_is_rounded_but_its_profit_is_exact(world: World) -> None:
    trade_id = add(world, shares=Decimal(3))
    leave(world, trade_id, 1, "10.00")
    trade = leave(world, trade_id, 2, "10.01")
    assert trade.exit_price == Decimal("10.006666666666667")
    assert trade.pnl == Decimal("0.02")


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        (101, "holds 100 shares, and 101 were to be exited.*settle that with adjust"),
        (-1, "is long, so the shares of its exits are positive"),
        (0, "is long, so the shares"),
    ],
)
def test_more_than_is_held_cannot_be_exited(world: World, shares: int, sentence: str) -> None:
    trade_id = add(world)
    with pytest.raises(TradeConflict, match=sentence):
        leave(world, trade_id, shares, "11")
    assert (world.stats(), world.events(trade_id), exits(world, trade_id)) == ({}, [], [])


def test_a_closed_a_void_and_an_unfilled_trade_have_no_exits(world: World) -> None:
    closed = add(world)
    leave(world, closed, 100, "11")
    with pytest.raises(
        TradeConflict, match=f"is closed. To correct how it ended, use PATCH /trades/{closed}"
    ):
        leave(world, closed, 1, "11")
    for unfilled in (add(world, filled=False), add(world, status=TradeStatus.VOID, filled=False)):
        with pytest.raises(TradeConflict, match="is not known to have filled: record it first"):
            leave(world, unfilled, 1, "11")


def test_a_fill_is_booked_once(world: World) -> None:
    trade_id = add(world)
    leave(world, trade_id, 40, "11", fill_id="fill-1")
    again = leave(world, trade_id, 40, "11", fill_id="fill-1")
    assert again.exited_shares == 40
    with pytest.raises(TradeConflict, match=r"Fill fill-1 .* is booked as 40 at 11, not 41 at 11"):
        leave(world, trade_id, 41, "11", fill_id="fill-1")
    assert world.stats() == {"2026-11-23": (Decimal(40), 0, 0)}
    assert len(world.events(trade_id)) == 1


def test_an_exit_order_that_closed_two_trades_is_named_by_the_first(world: World) -> None:
    first, second = add(world), add(world)
    assert leave(world, first, 100, "11", order_id="one").alpaca_exit_order_id == "one"
    closed = leave(world, second, 100, "11", order_id="one")
    assert (closed.status, closed.alpaca_exit_order_id) == (TradeStatus.CLOSED, None)
    assert [exit_.order_id for exit_ in exits(world, second)] == ["one"]


def test_so_it_is_when_one_unit_of_work_closes_both(world: World) -> None:
    ids = [add(world), add(world)]

    def close_both(session: Session) -> None:
        with Booking(session, ANN) as books:
            trades = [session.get_one(BotTrade, trade_id) for trade_id in ids]
            books.load(trades, ["one"])
            for trade in trades:
                books.book_exit(
                    trade,
                    shares=Decimal(100),
                    price=Decimal(11),
                    at=MONDAY,
                    source=ExitSource.RECONCILIATION,
                    order_id="one",
                )

    world.database.run(close_both)
    trades = [world.trade_of(trade_id) for trade_id in ids]
    assert [(each.status, each.alpaca_exit_order_id) for each in trades] == [
        (TradeStatus.CLOSED, "one"),
        (TradeStatus.CLOSED, None),
    ]


def test_a_missed_trade_whose_exit_is_found_is_closed_by_it(world: World) -> None:
    trade_id = add(world, status=TradeStatus.MISSED, exit_reason=ExitReason.RECONCILED_MISSING)
    part = leave(world, trade_id, 40, "11")
    assert part.status is TradeStatus.MISSED
    trade = leave(world, trade_id, 60, "11")
    assert (trade.status, trade.exit_reason) == (TradeStatus.CLOSED, ExitReason.RECONCILED_EXIT)
    assert world.stats() == {"2026-11-23": (Decimal(100), 1, 1)}


@pytest.mark.parametrize(
    ("source", "given", "reason"),
    [
        (ExitSource.RECONCILIATION, None, "hard_stop"),
        (ExitSource.FLATTEN, None, "hard_stop"),
        (ExitSource.FLATTEN, "force_close", "force_close"),
    ],
)
def test_the_exit_reason_that_was_marked_is_kept_unless_another_is_given(
    world: World, source: ExitSource, given: Any, reason: str
) -> None:
    trade_id = add(world, exit_reason=ExitReason.HARD_STOP)
    assert leave(world, trade_id, 100, "11", source=source, exit_reason=given).exit_reason == reason


# -- modes ----------------------------------------------------------------------------------------------------


def test_paper_and_live_money_are_never_added_up(world: World) -> None:
    leave(world, add(world, mode="paper"), 100, "20")
    leave(world, add(world, mode="live"), 100, "4")
    assert world.stats("paper") == {"2026-11-23": (Decimal(1000), 1, 1)}
    assert world.stats("live") == {"2026-11-23": (Decimal(-600), 1, 1)}


def test_a_trade_from_before_trades_had_a_mode_counts_as_paper(world: World) -> None:
    leave(world, add(world, mode=None), 100, "11")
    assert (world.stats("paper"), world.stats("live")) == ({"2026-11-23": (Decimal(100), 1, 1)}, {})


def test_a_trade_of_the_other_account_is_not_opened_again(world: World) -> None:
    missed = add(world, mode="live", status=TradeStatus.MISSED)
    closed = add(world, mode="live")
    leave(world, closed, 100, "11")
    refused = pytest.raises(TradeConflict, match="opened in live mode, and the bot is in paper mode now")
    with refused:
        book(world, missed, lambda books, trade: books.reopen(trade))
    with refused:
        book(world, closed, lambda books, trade: books.remove_exits(trade, books.exits(trade)))
    with refused:
        book(
            world,
            closed,
            lambda books, trade: books.book_entry(trade, shares=Decimal(101), price=Decimal(10)),
        )


# -- events ---------------------------------------------------------------------------------------------------


def test_every_change_is_an_event_with_what_was_and_what_is(world: World) -> None:
    trade_id = add(world, shares=Decimal("2.50"))
    leave(world, trade_id, "1.5", "11.10", order_id="one", fill_id="f1")
    leave(world, trade_id, 1, "11.00", TUESDAY)
    first, last = world.events(trade_id)
    assert (first.kind, last.kind) == ("exit_booked", "closed")
    assert first.before == {"exitedShares": "0", "exitReason": None}
    assert first.after == {
        "exitedShares": "1.5",
        "exitReason": "reconciled_exit",
        "exit": {
            "shares": "1.5",
            "price": "11.1",
            "at": "2026-11-23T15:00:00Z",
            "orderId": "one",
            "fillId": "f1",
            "pnl": "1.65",
            "source": "reconciliation",
        },
    }
    assert (last.before["status"], last.after["status"]) == ("open", "closed")
    assert (last.before["pnl"], last.after["pnl"]) == (None, "2.65")
    assert last.after["exitAt"] == "2026-11-24T15:00:00Z"
    assert (first.actor, first.reason, first.command_id, first.request_key) == (
        *("ann", "seen at the broker", ANN.command_id),
        "key-1",
    )


def test_what_changes_nothing_is_no_event(world: World) -> None:
    trade_id = add(world)
    book(
        world,
        trade_id,
        lambda books, trade: books.book_entry(trade, shares=Decimal("100.0"), price=Decimal("10.00")),
    )
    book(world, trade_id, lambda books, trade: books.reopen(trade))
    assert world.events(trade_id) == []
