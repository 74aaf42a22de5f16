"""Which assets are compared with which: by their ids where these are known, else by their symbols."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot.broker.alpaca_parsing import position_of
from bot.reconciliation.comparison import join
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


def test_trades_of_several_assets_that_change_their_symbols_are_all_matched_and_renamed() -> None:
    trades = [
        trade(1, "TSLA"),
        trade(2, "FB"),
        trade(3, "FB"),
        trade(4, "SQ"),
        trade(5, "XYZ", asset_id="asset of SQ"),
    ]
    there = [position("TSLA", 1), position("META", 5, "asset of FB"), position("XYZ", 9, "asset of SQ")]
    found = comparison(trades, there)
    assert (found.matched, found.questions) == (5, ())
    assert sorted(found.renamed) == [("FB", "META", "asset of FB"), ("SQ", "XYZ", "asset of SQ")]


def test_a_trade_of_a_former_symbol_that_does_not_know_its_asset_goes_with_the_only_one_that_does() -> None:
    known, unknown = trade(10, "FB"), trade(5, "FB", asset_id=None)
    found = comparison([known, unknown], [position("META", 15, "asset of FB")])
    assert (found.matched, found.questions) == (2, ())
    assert found.renamed == (("FB", "META", "asset of FB"),) * 2
    other = trade(1, "FB", asset_id="of another listing")
    there = [position("META", 10, "asset of FB")]
    questions = comparison([known, unknown, other], there).questions
    assert sorted(int(each.here) for each in questions) == [1, 5], "or with none of two"


def test_a_position_is_not_the_ones_that_know_its_asset_alone() -> None:
    (question,) = comparison([trade(10), trade(5, asset_id=None)], [position("AAPL", 10)]).questions
    assert (int(question.here), int(question.there)) == (15, 10)


def test_nothing_is_learned_of_a_position_that_names_no_asset() -> None:
    trades = [trade(10, asset_id=None), trade(1, "MSFT", asset_id=None)]
    found = comparison(trades, [position("AAPL", 10, "")])
    assert (found.matched, found.unlearned) == (1, ())
    questions = comparison(trades, [position("AAPL", 9, "")]).questions
    assert [(each.symbol, int(each.there), each.asset_id) for each in questions] == [
        ("AAPL", 9, None),
        ("MSFT", 0, None),
    ]


def test_a_question_has_the_asset_of_its_position_though_its_trades_do_not_know_it() -> None:
    (question,) = comparison([trade(10, asset_id=None)], [position("AAPL", 9)]).questions
    assert question.asset_id == "asset of AAPL"
    assert question.assets == {"asset of AAPL"}
    assert question.symbols_by({"asset of AAPL": {"APPL"}}) == {"AAPL", "APPL"}


@pytest.mark.parametrize(("long", "short"), [(1, -3), (3, "-0.5")])
def test_trades_of_both_sides_are_a_question_though_the_sum_agrees(long: Any, short: Any) -> None:
    trades = [trade(long), trade(short, asset_id=None)]
    held = trades[0].shares + trades[1].shares
    assert len(comparison(trades, [position("AAPL", held)]).questions) == 1
    assert comparison([trade(long), trade(1, asset_id=None)], [position("AAPL", long + 1)]).questions == ()


def test_questions_are_in_the_order_of_their_symbols() -> None:
    found = comparison([trade(1, "B"), trade(1, "C"), trade(1, "A")], [position("D", 1), position("C", 2)])
    assert [each.symbol for each in found.questions] == ["A", "B", "C", "D"]


def test_trades_that_do_not_know_their_assets_are_a_question_for_each_symbol() -> None:
    questions = comparison([trade(1, "A", asset_id=None), trade(2, "B", asset_id=None)], []).questions
    assert [(each.symbol, int(each.here)) for each in questions] == [("A", 1), ("B", 2)]


# -- questions that belong together -----------------------------------------------------------------------------


def test_a_trade_that_does_not_know_its_asset_joins_the_one_that_had_its_symbol_by_another_name() -> None:
    questions = comparison([trade(10, "FB"), trade(5, "META", asset_id=None)], []).questions
    assert [int(each.here) for each in join(questions, {})] == [10, 5]
    assert [int(each.here) for each in join(questions, {"asset of FB": {"FB", "META"}})] == [15]


@pytest.mark.parametrize("held", ["FB", "META"])
def test_it_joins_none_while_either_of_them_has_a_position(held: str) -> None:
    trades = [trade(10, "FB"), trade(5, "META", asset_id=None)]
    there = position("FB", 7) if held == "FB" else position("META", 1, "")
    questions = comparison(trades, [there]).questions
    joined = join(questions, {"asset of FB": {"FB", "META"}})
    assert [int(each.here) for each in joined] == [10, 5]


def test_trades_that_know_their_assets_join_none() -> None:
    questions = comparison([trade(10, "FB"), trade(5, "META")], []).questions
    joined = join(questions, {"asset of FB": {"FB", "META"}})
    assert [int(each.here) for each in joined] == [10, 5]


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
    assert comparison([], [position("TSLA", 2)], [known]).changed == (known,)
    of_asset = ignored("AAPL", 2, "asset of AAPL")
    found = comparison([trade(10), trade(2, "TSLA")], [position("TSLA", 2)], [of_asset])
    assert found.changed == (of_asset,)
    assert [(each.symbol, int(each.there)) for each in found.questions] == [("AAPL", 0)], (
        "not less than nothing"
    )


def test_a_position_that_nobody_ignored_ends_nothing() -> None:
    found = comparison([], [position("AAPL", 1)])
    assert (len(found.questions), found.changed) == (1, ())


def test_a_trade_of_as_many_shares_does_not_take_the_ignored_ones() -> None:
    (question,) = comparison([trade(5)], [position("AAPL", 5)], [ignored("AAPL", 5)]).questions
    assert (int(question.here), int(question.there)) == (5, 0)


def test_it_follows_a_symbol_change_by_the_assets_id() -> None:
    known = ignored("FB", 2, "asset of FB")
    found = comparison([trade(1, "TSLA")], [position("TSLA", 1), position("META", 2, "asset of FB")], [known])
    assert (found.questions, found.changed) == ((), ())


def test_trades_of_an_asset_without_a_position_are_one_question_under_whatever_symbols() -> None:
    trades = [trade(10, "FB", asset_id="m"), trade(5, "META", asset_id="m"), trade(1, "FB", asset_id="x")]
    found = comparison(trades, []).questions
    assert sorted(int(each.here) for each in found) == [1, 15]
