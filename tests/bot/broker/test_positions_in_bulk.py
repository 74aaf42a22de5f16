"""Positions read column by column are what they are row by row: for any list, or it is left to that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.broker import positions
from bot.broker.errors import BrokerGarbled
from bot.broker.positions import one_by_one, positions_of
from bot.broker.readings import Position

PLAIN: dict[str, Any] = {
    "symbol": "AAPL",
    "asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
    "asset_class": "us_equity",
    "side": "long",
    "qty": "10",
    "qty_available": "4",
    "avg_entry_price": "185.3333333333333333",
    "current_price": "190.12",
    "market_value": "1901.2",
    "unrealized_pl": "-0.5",
    "exchange": "NASDAQ",
}
AMOUNTS = ("qty", "qty_available", "avg_entry_price", "current_price", "market_value", "unrealized_pl")
DIGITS = st.text("0123456789.-", min_size=1, max_size=26)
ODD: list[Any] = [
    "-0",
    "-0.00",
    ".5",
    "-.5",
    "5.",
    "-",
    ".",
    "1e3",
    "1E-21",
    "NaN",
    "Infinity",
    "1_0",
    " 1",
    "10\n",
    "\n1",
    "0",
    "-3",
]
ODD += [
    "999999999999999",
    "1000000000000000",
    "-1000000000000000",
    "0.00000000000000000001",
    "9" * 22,
    "",
    None,
]
ODD += [7, True, []]
AMOUNT = (
    st.decimals(-(10**15), 10**15, places=9, allow_nan=False).map(lambda number: f"{number:f}")
    | DIGITS
    | st.sampled_from(ODD)
)
NAME = st.text(max_size=6) | st.sampled_from(["", "A" * 201, "a\x00", "\ud800", None, 7, PLAIN["symbol"]])


@st.composite
def rows(draw: st.DrawFn) -> list[Any]:
    found = []
    for number in range(draw(st.integers(0, 4))):
        row = {**PLAIN, "symbol": f"S{number}", "asset_id": f"id {number}"}
        for name in draw(
            st.sets(st.sampled_from([*AMOUNTS, "symbol", "asset_id", "asset_class", "side"]), max_size=2)
        ):
            if draw(st.integers(0, 9)) == 0:
                del row[name]
            elif name in AMOUNTS:
                row[name] = draw(AMOUNT)
            elif name == "side":
                row[name] = draw(st.sampled_from(["long", "short", "", None, "flat", 1]))
            else:
                row[name] = draw(NAME)
        found.append(row)
    return found


def read(how: Any, body: bytes) -> Sequence[Position] | str:
    try:
        found: Sequence[Position] = how(body)
        positions._check_names(found)
        return found
    except BrokerGarbled as error:
        return str(error)


@settings(max_examples=300, deadline=None)
@given(rows())
@example([PLAIN, {**PLAIN, "symbol": "MSFT", "asset_id": "another"}])
@example([{**PLAIN, "qty": "-0", "side": "long"}])
def test_a_list_is_read_in_bulk_as_it_is_row_by_row(list_of_rows: list[Any]) -> None:
    body = json.dumps(list_of_rows).encode()
    in_bulk, by_rows = read(positions_of, body), read(one_by_one, body)
    assert in_bulk == by_rows
    # equal numbers may be written otherwise: 1 and 1.0
    assert repr(in_bulk) == repr(by_rows)


def test_plain_rows_are_not_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(body: bytes) -> Sequence[Position]:
        raise AssertionError("they were")

    monkeypatch.setattr(positions, "one_by_one", fail)
    many = [{**PLAIN, "symbol": f"S{n}", "asset_id": f"id {n}"} for n in range(50)]
    assert len(positions_of(json.dumps(many).encode())) == 50
