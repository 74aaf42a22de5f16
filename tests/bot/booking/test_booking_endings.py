"""How a trade ends without a result: written off or withdrawn, one or many, and opened again."""

from __future__ import annotations

import pytest

from bot.booking import miss_many, void_many
from bot.errors import TradeConflict
from bot.models import ExitReason, TradeStatus
from tests.bot.booking.books import ANN, TUESDAY, add, book, leave
from tests.bot.ledger_world import World


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
