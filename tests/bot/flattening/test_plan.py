"""What a flatten plans, given what the broker shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.broker.readings import Fill, Order, Position
from bot.flattening.plan import ORDERS_LAG, POSITIONS_LAG, Goal, Plan, Seen, Sent, make_plan

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
BEGAN = NOW - timedelta(seconds=30)


def position(
    symbol: str = "AAPL", shares: Any = 10, available: Any = None, asset_class: str = "us_equity"
) -> Position:
    shown = Decimal(shares)
    free = shown if available is None else Decimal(available)
    return Position(symbol, f"id of {symbol}", asset_class, shown, free, Decimal(10), None, None, None)


def order(symbol: str = "AAPL", id: str = "theirs", status: str = "new", sent_at: datetime = BEGAN) -> Order:
    return Order(
        id=id,
        client_order_id=id,
        symbol=symbol,
        asset_id=f"id of {symbol}",
        side=-1,
        status=status,
        quantity=Decimal(10),
        filled=Decimal(0),
        average_price=None,
        submitted_at=sent_at,
        filled_at=None,
        replaces=None,
        replaced_by=None,
    )


def fill(symbol: str = "AAPL", shares: Any = -10, order_id: str = "ours", sec_ago: float = 1) -> Fill:
    return Fill("f", order_id, symbol, Decimal(shares), Decimal(10), NOW - timedelta(seconds=sec_ago))


def plan(
    *positions: Position,
    orders: tuple[Order, ...] = (),
    fills: tuple[Fill, ...] = (),
    is_open: bool = True,
    **goal: Any,
) -> Plan:
    return make_plan(Goal(started_at=BEGAN, **goal), Seen(NOW, is_open, orders, fills, positions))


def closed(made: Plan) -> dict[str, Decimal]:
    return {each.position.symbol: each.now for each in made.close}


def test_every_position_without_an_order_is_closed_whole() -> None:
    made = plan(position("AAPL", 10), position("MSFT", -3))
    assert closed(made) == {"AAPL": 10, "MSFT": 3}
    assert all(each.is_all for each in made.close)
    assert not made.cancel_all, "no order holds shares of it"


def test_an_order_is_cancelled_before_its_position_is_closed() -> None:
    made = plan(position("AAPL"), position("MSFT"), orders=(order("AAPL"),))
    assert [each.id for each in made.cancel] == ["theirs"]
    assert closed(made) == {"MSFT": 10}
    assert made.orders_left == 1


def test_an_order_that_is_being_cancelled_is_waited_for() -> None:
    made = plan(position(), orders=(order(status="pending_cancel"),))
    assert (made.cancel, closed(made), made.orders_left) == ((), {}, 1)


def test_its_own_order_is_waited_for() -> None:
    sent = Sent("ours", "AAPL", Decimal(10), NOW)
    made = plan(position(), orders=(order(id="ours"),), sent=[sent])
    assert (made.cancel, closed(made)) == ((), {})


def test_a_position_that_is_shown_after_its_sale_is_not_closed_again() -> None:
    made = plan(position(shares=10), fills=(fill(shares=-10),))
    assert closed(made) == {}
    assert [each.shares for each in made.left] == [10]


@pytest.mark.parametrize("shares", ["1", "0.5", "-1", "-0.5"])
def test_a_share_or_a_part_of_one_is_closed_once_too(shares: str) -> None:
    assert closed(plan(position(shares=shares))) == {"AAPL": abs(Decimal(shares))}
    assert closed(plan(position(shares=shares), fills=(fill(shares=-Decimal(shares)),))) == {}
    same_way = fill(shares=Decimal(shares), order_id="theirs")
    assert closed(plan(position(shares=shares), fills=(same_way,))) == {"AAPL": abs(Decimal(shares))}


def test_no_more_is_closed_than_is_there_for_certain() -> None:
    assert closed(plan(position(shares=10), fills=(fill(shares=-4),))) == {"AAPL": 6}


def test_a_short_is_bought_back_once() -> None:
    assert closed(plan(position(shares=-10), fills=(fill(shares=10),))) == {}


def test_a_purchase_is_no_reason_to_wait_with_a_sale() -> None:
    assert closed(plan(position(shares=10), fills=(fill(shares=10, order_id="theirs"),))) == {"AAPL": 10}


def test_a_sale_that_is_older_than_any_lag_is_in_the_position() -> None:
    old = fill(shares=-10, sec_ago=POSITIONS_LAG.total_seconds())
    assert closed(plan(position(shares=10), fills=(old,))) == {"AAPL": 10}


def test_an_order_of_its_own_counts_as_filled_before_its_fill_is_listed() -> None:
    sent = Sent("ours", "AAPL", Decimal(10), NOW - timedelta(seconds=1))
    assert closed(plan(position(shares=10), sent=[sent])) == {}
    assert closed(plan(position(shares=10), sent=[sent], fills=(fill(shares=-4),))) == {}
    assert closed(plan(position(shares=25), sent=[sent], fills=(fill(shares=-4),))) == {"AAPL": 15}
    for shares in ("-10", "1", "0.5", "-0.5"):
        small = Sent("ours", "AAPL", abs(Decimal(shares)), NOW - timedelta(seconds=1))
        assert closed(plan(position(shares=shares), sent=[small])) == {}


@pytest.mark.parametrize("sec_ago", [POSITIONS_LAG.total_seconds(), 60])
def test_an_order_of_its_own_that_is_older_than_any_lag_is_in_the_position(sec_ago: float) -> None:
    sent = Sent("ours", "AAPL", Decimal(10), NOW - timedelta(seconds=sec_ago))
    assert closed(plan(position(shares=10), sent=[sent])) == {"AAPL": 10}


@pytest.mark.parametrize(
    ("shares", "ignored", "expected"),
    [
        *[("10", "10", "0"), ("10", "4", "6"), ("10", "12", "0"), ("-10", "-4", "-6"), ("10", "0", "10")],
        *[("-5", "10", "-5"), ("0.5", "0.5", "0"), ("0.5", "0.2", "0.3"), ("-0.5", "0.5", "-0.5")],
    ],
)
def test_ignored_shares_are_left_and_a_position_is_never_turned_around(
    shares: str, ignored: str, expected: str
) -> None:
    made = plan(position(shares=shares), ignored={"AAPL": Decimal(ignored)})
    assert sum(each.shares for each in made.left) == Decimal(expected)
    assert sum(closed(made).values()) == abs(Decimal(expected))


def test_an_order_of_a_position_that_is_ignored_whole_stays() -> None:
    ignored = {"AAPL": Decimal(10), "MSFT": Decimal(4)}
    held = (position("AAPL", 10), position("MSFT", 10))
    made = plan(*held, orders=(order("AAPL", id="1"), order("MSFT", id="2")), ignored=ignored)
    assert [each.id for each in made.cancel] == ["2"]
    assert not made.cancel_all
    assert plan(orders=(order("AAPL", id="1"),), ignored=ignored).cancel, "nothing is there to be ignored"


def test_only_the_symbols_that_are_asked_for_are_touched() -> None:
    symbols = frozenset({"AAPL"})
    held = (position("AAPL"), position("MSFT"), position("GOOG"))
    made = plan(*held, orders=(order("AAPL", id="1"), order("MSFT", id="2")), symbols=symbols)
    assert [each.id for each in made.cancel] == ["1"]
    assert [each.position.symbol for each in made.left] == ["AAPL"]
    assert not made.cancel_all


def test_nothing_is_sent_while_the_market_is_closed_but_for_what_trades_always() -> None:
    made = plan(position("AAPL"), position("BTCUSD", asset_class="crypto"), is_open=False)
    assert closed(made) == {"BTCUSD": 10}
    assert len(made.left) == 2


def test_a_position_whose_closing_was_rejected_rests_and_keeps_no_other_waiting() -> None:
    rejected = frozenset({"AAPL"})
    assert closed(plan(position("AAPL"), position("MSFT"), rejected=rejected, resting=rejected)) == {
        "MSFT": 10
    }
    assert closed(plan(position("AAPL"), rejected=rejected)) == {"AAPL": 10}


def test_several_orders_are_cancelled_at_once_unless_one_of_them_has_to_stay() -> None:
    both = (order("AAPL", id="1"), order("MSFT", id="2"))
    sent = Sent("ours", "GOOG", Decimal(10), NOW)
    assert plan(orders=both).cancel_all
    assert not plan(orders=both[:1]).cancel_all
    assert not plan(orders=(*both, order("GOOG", id="ours")), sent=[sent]).cancel_all


def test_shares_that_an_unseen_leg_of_an_order_holds_are_freed() -> None:
    made = plan(position(shares=10, available=0))
    assert made.cancel_all
    assert closed(made) == {}
    assert not plan(position(shares=10, available=0), orders=(order(),)).cancel_all, "that order holds them"


def test_a_fill_that_it_did_not_order_keeps_it_from_being_confirmed() -> None:
    sent = [Sent("ours", "AAPL", Decimal(10), BEGAN)]
    assert plan(fills=(fill(shares=10, order_id="theirs"),)).is_unsettled
    assert not plan(fills=(fill(),), sent=sent).is_unsettled
    for sec_ago in (POSITIONS_LAG.total_seconds(), 60):
        assert not plan(fills=(fill(order_id="theirs", sec_ago=sec_ago),)).is_unsettled


def test_an_order_that_was_sent_after_it_began_is_told() -> None:
    late = order("AAPL", id="1", sent_at=BEGAN + timedelta(seconds=10))
    on_its_way = order("MSFT", id="2", sent_at=BEGAN + ORDERS_LAG)
    assert plan(orders=(late, on_its_way)).opposed == ("AAPL",)
