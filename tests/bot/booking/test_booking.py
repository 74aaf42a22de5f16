"""What the books do with money: exits in parts, corrections, and the statistics of each date and mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.booking import Author, Booking, miss_many, void_many
from bot.errors import TradeConflict
from bot.models import (
    BotTrade,
    BotTradeExit,
    ExitReason,
    ExitSource,
    TradeStatus,
)
from tests.bot.ledger_world import World, settings_of

MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
ANN = Author("ann", reason="seen at the broker", command_id=uuid4(), request_key="key-1")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(settings_of(database_url))
    yield world
    world.close()


def add(world: World, **changes: Any) -> UUID:
    """An open paper trade of 100 shares at 10.00, filled on Monday."""
    facts: dict[str, Any] = {
        "symbol": "ACME",
        "shares": Decimal(100),
        "entry_price": Decimal(10),
        "entry_at": MONDAY,
        "mode": "paper",
        "filled": True,
        "status": TradeStatus.OPEN,
        **changes,
    }

    def insert(session: Session) -> UUID:
        trade = BotTrade(id=uuid4(), **facts)
        session.add(trade)
        return trade.id

    return world.database.run(insert)


def book(world: World, trade_id: UUID, work: Callable[[Booking, BotTrade], Any]) -> BotTrade:
    """Do *work* in a transaction of its own."""

    def locked(session: Session) -> BotTrade:
        trade = session.get_one(BotTrade, trade_id)
        with Booking(session, ANN) as books:
            work(books, trade)
        session.refresh(trade)
        return trade

    return world.database.run(locked)


def leave(
    world: World, trade_id: UUID, shares: int | str, price: str, at: datetime = MONDAY, **more: Any
) -> BotTrade:
    more.setdefault("source", ExitSource.RECONCILIATION)
    return book(
        world,
        trade_id,
        lambda books, trade: books.book_exit(
            trade, shares=Decimal(shares), price=Decimal(price), at=at, **more
        ),
    )


def exits(world: World, trade_id: UUID) -> list[BotTradeExit]:
    query = select(BotTradeExit).where(BotTradeExit.trade_id == trade_id).order_by(BotTradeExit.id)
    return list(world.database.read(lambda session: session.scalars(query).all()))


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


# -- corrections ----------------------------------------------------------------------------------------------


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


# -- endings without a result ---------------------------------------------------------------------------------


def test_a_missed_trade_can_be_opened_again_and_keeps_its_notes(world: World) -> None:
    trade_id = add(world, exit_reason=ExitReason.HARD_STOP, note="first")
    missed = book(
        world, trade_id, lambda books, trade: books.miss(trade, ExitReason.RECONCILED_MISSING, "no position")
    )
    assert (missed.status, missed.note) == (
        TradeStatus.MISSED,
        "first\nMarked before: hard_stop\nno position",
    )
    known = book(world, trade_id, lambda books, trade: books.acknowledge(trade, TUESDAY))
    assert known.acknowledged_at == TUESDAY
    back = book(world, trade_id, lambda books, trade: books.reopen(trade, "it is there"))
    assert (back.status, back.exit_reason, back.acknowledged_at) == (TradeStatus.OPEN, None, None)
    assert [event.kind for event in world.events(trade_id)] == ["missed", "acknowledged", "reopened"]


def test_what_filled_cannot_be_void(world: World) -> None:
    trade_id = add(world)
    with pytest.raises(TradeConflict, match="cannot be void"):
        book(world, trade_id, lambda books, trade: books.void(trade))


def test_many_trades_are_written_off_in_one_statement_but_not_those_that_were_touched_since(
    world: World,
) -> None:
    ids = [add(world, note="first"), add(world, exit_reason=ExitReason.TIME_EXIT), add(world), add(world)]
    seen = [(trade_id, world.trade_of(trade_id).updated_at) for trade_id in ids]
    world.sql("UPDATE bot_trade SET note = 'newer' WHERE id = :id", id=ids[2])
    leave(world, ids[3], 100, "11")
    missed = world.database.run(
        lambda session: miss_many(
            session, seen, ANN, reason=ExitReason.RECONCILED_MISSING, note="no position"
        )
    )
    assert missed == set(ids[:2])
    trades = [world.trade_of(trade_id) for trade_id in ids]
    assert [trade.status for trade in trades] == ["missed", "missed", "open", "closed"]
    assert [trade.note for trade in trades[:2]] == [
        "first\nno position",
        "Marked before: time_exit\nno position",
    ]
    [told] = world.events(ids[0])
    assert told.before == {"status": "open", "exitReason": None, "note": "first"}
    assert told.after == {
        "status": "missed",
        "exitReason": "reconciled_missing",
        "note": "first\nno position",
    }
    assert (told.kind, told.actor, told.reason) == ("missed", "ann", "seen at the broker")
    assert (told.command_id, told.request_key) == (ANN.command_id, "key-1")
    assert world.events(ids[2]) == []


def test_many_trades_are_void_but_not_those_that_filled(world: World) -> None:
    ids = [add(world, filled=False, exit_reason=ExitReason.TIME_EXIT), add(world)]
    seen = [(trade_id, world.trade_of(trade_id).updated_at) for trade_id in ids]
    assert world.database.run(lambda session: void_many(session, seen, ANN, note="canceled")) == {ids[0]}
    void = world.trade_of(ids[0])
    assert (void.status, void.exit_reason, void.note) == (TradeStatus.VOID, None, "canceled")
    assert world.database.run(lambda session: void_many(session, [], ANN, note="")) == set()


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
