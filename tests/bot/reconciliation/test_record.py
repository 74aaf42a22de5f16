"""What the broker's record says of an order, a fill, a trade: chains, names, and which order entered which trade."""

from __future__ import annotations

from typing import Any

import pytest

from bot.broker.readings import Order
from tests.bot.reconciliation.books import dec, fill, order, record, trade


def chain(length: int) -> list[Order]:
    """Orders that replaced each other, oldest first."""
    return [
        order(
            id=f"link-{n}",
            replaces=f"link-{n - 1}" if n else None,
            replaced_by=f"link-{n + 1}" if n < length - 1 else None,
        )
        for n in range(length)
    ]


@pytest.mark.parametrize("known_by", range(4))
def test_a_chain_is_whole_and_in_order_from_whichever_of_its_orders_the_trade_knows(known_by: int) -> None:
    links = chain(4)
    known = record(links)
    assert known.chain_of(trade(order_id=f"link-{known_by}")) == links
    assert known.up_to(links[known_by]) == links[: known_by + 1]


def test_orders_that_replace_each_other_in_a_circle_are_a_chain_that_ends() -> None:
    first, second = order(id="a", replaces="b", replaced_by="b"), order(id="b", replaces="a", replaced_by="a")
    known = record([first, second])
    assert known.up_to(first) == [second, first]
    assert known.chain_of(trade(order_id="a")) == [second, first]


def test_an_order_is_the_same_in_capitals() -> None:
    entry = order(id="order-a")
    listed = [fill(entry), fill(entry, order_id="ORDER-A")]
    known = record([entry], listed)
    assert known.order("ORDER-A") == entry
    assert known.chain_of(trade(order_id="ORDER-A")) == [entry]
    in_capitals = order(id="ORDER-A")
    assert list(known.fills_of(in_capitals)) == listed
    assert known.with_entries([listed[1]], {"ORDER-A": dec(100)}).entered == {"order-a"}


def test_an_order_in_capitals_entered_its_trade_too() -> None:
    ours = trade()
    assert record([order(id="ORDER-A", client_order_id=str(ours.id))]).entry_orders([ours]) == {"order-a"}


@pytest.mark.parametrize(
    ("shares", "side", "entered"),
    [
        (100, 1, True),
        ("0.5", 1, True),
        ("-0.5", -1, True),
        ("0.5", -1, False),
        (100, -1, False),
        (100, 0, False),
    ],
)
def test_the_order_that_a_trade_names_entered_it_if_it_is_of_its_side(
    shares: Any, side: int, entered: bool
) -> None:
    ours = trade(shares, order_id="a")
    assert record([order(id="a", side=side)]).entry_orders([ours]) == ({"a"} if entered else set())


def test_only_what_is_named_after_a_trades_exits_is_one_of_them() -> None:
    ours, other = trade(), trade()
    entry, *exits, another = (
        order(client_order_id=name)
        for name in (str(ours.id), f"{ours.id}-exit-1", f"{ours.id}-exit-2", f"{other.id}-exit-1")
    )
    known = record([entry, *exits, another])
    assert list(known.exits_named_after(ours)) == exits
    assert list(known.exits_named_after(other)) == [another]


def test_an_order_is_known_by_its_own_names_and_by_those_next_to_it() -> None:
    links = chain(3)
    known = record([*links, order(id="alone", client_order_id="")])
    assert known.names_of("link-1") == {"link-0", "link-1", "link-2", "of somebody else"}
    assert known.names_of("alone") == {"alone"}
    assert known.names_of("not read") == {"not read"}
