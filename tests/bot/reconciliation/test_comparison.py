"""Which assets are compared with which: by their ids where these are known, else by their symbols."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot.broker.alpaca_parsing import position_of
from bot.reconciliation.local import Ignored
from tests.bot.broker.shapes import POSITIONS, Shape
from tests.bot.reconciliation.books import FRESH, comparison, position, trade


def test_what_is_the_same_on_both_sides_is_matched_without_a_question() -> None:
    found = comparison([trade(10), trade(5), trade(-3, "TSLA")], [position("AAPL", 15), position("TSLA", -3)])
    assert (found.matched, found.questions, found.unlearned) == (3, (), ())


@pytest.mark.parametrize("shape", POSITIONS, ids=lambda shape: str(shape.name))
def test_a_position_in_each_shape_is_what_a_trade_of_its_shares_holds_and_nothing_else(shape: Shape) -> None:
    there = position_of(shape.row)
    ours = trade(there.shares, there.symbol, asset_id=there.asset_id)
    assert (comparison([ours], [there]).matched, comparison([ours], [there]).questions) == (1, ())
    for held in ([], [trade(-there.shares, there.symbol, asset_id=there.asset_id)]):
        [question] = comparison(held, [there]).questions
        assert (question.symbol, question.there) == (there.symbol, there.shares)


@pytest.mark.parametrize("symbol", ["BRK.B", "BTC/USD", "X" * 30])
def test_a_symbol_is_compared_as_it_is_written(symbol: str) -> None:
    assert comparison([trade(1, symbol)], [position(symbol, 1)]).matched == 1
    other = comparison([trade(1, "BRK.A")], [position("BRK.A", 1), position("BRK.B", 1)])
    assert [each.symbol for each in other.questions] == ["BRK.B"], "another spelling is another symbol"


def test_trades_learn_the_asset_of_their_symbol() -> None:
    found = comparison(
        [trade(10, asset_id=None), trade(2, "TSLA")], [position("AAPL", 10), position("TSLA", 2)]
    )
    assert found.unlearned == (("AAPL", "asset of AAPL"),)


def test_a_symbol_change_is_followed_by_the_assets_id() -> None:
    found = comparison([trade(10, "FB")], [position("META", 10, "asset of FB")])
    assert (found.matched, found.questions) == (1, ())
    assert found.renamed == (("FB", "META", "asset of FB"),)


def test_a_slash_at_the_broker_is_the_same_asset() -> None:
    found = comparison([trade("0.5", "BTCUSD")], [position("BTC/USD", "0.5", "asset of BTCUSD")])
    assert (found.matched, found.questions) == (1, ())


def test_a_symbol_change_with_another_quantity_is_one_question() -> None:
    found = comparison([trade(10, "FB")], [position("META", 7, "asset of FB")])
    (question,) = found.questions
    assert (question.symbol, int(question.here), int(question.there)) == ("META", 10, 7)
    assert question.symbols == {"FB", "META"}


def test_another_asset_under_the_old_symbol_is_a_difference() -> None:
    found = comparison([trade(10, "FB")], [position("FB", 10, "another asset")])
    assert [(each.symbol, int(each.here), int(each.there)) for each in found.questions] == [
        ("FB", 0, 10),
        ("FB", 10, 0),
    ]


def test_a_new_cusip_changes_both_names_and_is_a_difference() -> None:
    found = comparison([trade(10, "OLD")], [position("NEW", 10)])
    assert [(each.symbol, int(each.here), int(each.there)) for each in found.questions] == [
        ("NEW", 0, 10),
        ("OLD", 10, 0),
    ]


def test_trades_with_and_without_their_assets_id_add_up() -> None:
    found = comparison([trade(10), trade(5, asset_id=None)], [position("AAPL", 15)])
    assert (found.matched, found.questions) == (2, ())


def test_a_fill_that_should_be_recorded_by_now_is_a_question_though_both_agree() -> None:
    assert len(comparison([trade(10, filled=False)], [position("AAPL", 10)]).questions) == 1
    assert comparison([trade(10, filled=False, at=FRESH)], [position("AAPL", 10)]).questions == ()


# -- what is known and not the bot's ----------------------------------------------------------------------------


def ignored(symbol: str, shares: Any, asset_id: str | None = None) -> Ignored:
    return Ignored(symbol, asset_id, Decimal(str(shares)))


def test_an_ignored_position_is_no_question() -> None:
    leftover = ignored("BTCUSD", "0.000000001")
    found = comparison([], [position("BTCUSD", "0.000000001")], [leftover])
    assert (found.questions, found.changed) == ((), ())


def test_it_is_ignored_beside_the_bots_own_shares() -> None:
    found = comparison([trade(10)], [position("AAPL", 15)], [ignored("AAPL", 5)])
    assert (found.matched, found.questions, found.changed) == (1, (), ())
    (question,) = comparison([trade(10)], [position("AAPL", 12)], [ignored("AAPL", 5)]).questions
    assert (int(question.here), int(question.there)) == (10, 7)


@pytest.mark.parametrize("shares", [1, 3, -2])
def test_it_ends_when_the_quantity_changes(shares: int) -> None:
    known = ignored("AAPL", 2)
    found = comparison([], [position("AAPL", shares)], [known])
    assert found.changed == (known,)
    assert [(int(each.here), int(each.there)) for each in found.questions] == [(0, shares)]


def test_it_ends_when_the_position_is_gone() -> None:
    known = ignored("AAPL", 2)
    assert comparison([], [], [known]).changed == (known,)


def test_it_follows_a_symbol_change_by_the_assets_id() -> None:
    known = ignored("FB", 2, "asset of FB")
    found = comparison([], [position("META", 2, "asset of FB")], [known])
    assert (found.questions, found.changed) == ((), ())


def test_trades_of_an_asset_without_a_position_are_one_question_under_whatever_symbols() -> None:
    trades = [trade(10, "FB", asset_id="m"), trade(5, "META", asset_id="m"), trade(1, "FB", asset_id="x")]
    found = comparison(trades, []).questions
    assert sorted(int(each.here) for each in found) == [1, 15]
