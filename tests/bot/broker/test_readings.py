"""The account, the clock and the positions: every field is understood completely, or an error names it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bot.broker import alpaca_http
from bot.broker.alpaca import Alpaca
from bot.broker.errors import AccountBlocked, BrokerError
from bot.broker.readings import Clock, Position
from tests.bot.broker.garbled import NO_AMOUNTS, garbled
from tests.bot.fake import Answer
from tests.bot.fake_account import FakeAccount
from tests.bot.fake_holdings import asset_id

ACCOUNT_AMOUNTS = ("equity", "last_equity", "cash", "buying_power", "long_market_value", "short_market_value")


# -- the account ------------------------------------------------------------------------------------------------


def test_an_account_is_its_status_its_blocks_and_its_amounts(ours: FakeAccount, alpaca: Alpaca) -> None:
    ours.holds(AAPL=10, TSLA="-2.5")
    ours.account(equity="100075.123456789", last_equity="99000", cash="-5", buying_power="0")
    account = alpaca.account()
    assert account.id == ours.account()["id"]
    assert (account.status, account.blocks, account.objections) == ("ACTIVE", (), ())
    assert (account.equity, account.last_equity) == (Decimal("100075.123456789"), Decimal(99000))
    assert (account.cash, account.buying_power) == (Decimal(-5), Decimal(0))
    assert (account.long_market_value, account.short_market_value) == (Decimal(100), Decimal(-25))


@pytest.mark.parametrize(
    "status", ["INACTIVE", "ACCOUNT_CLOSED", "ONBOARDING", "ACCOUNT_CLOSED_PENDING", "NEW_ONE"]
)
def test_a_status_that_is_not_active_is_an_objection(ours: FakeAccount, alpaca: Alpaca, status: str) -> None:
    ours.account(status=status, trading_blocked=True)
    assert alpaca.account().objections == (f"status {status}", "trading_blocked")


@pytest.mark.parametrize("status", ["ONBOARDING", "ACCOUNT_CLOSED_PENDING"])
def test_an_account_without_amounts_says_why_it_has_none(
    ours: FakeAccount, alpaca: Alpaca, status: str
) -> None:
    ours.account(status=status, equity=None)
    with pytest.raises(AccountBlocked, match=status):
        alpaca.account()


def test_an_account_needs_none_of_the_fields_that_alpaca_took_away(ours: FakeAccount, alpaca: Alpaca) -> None:
    assert not {"pattern_day_trader", "daytrade_count", "daytrading_buying_power"} & ours.account().keys()
    assert alpaca.account().status == "ACTIVE"


@pytest.mark.parametrize("name", ["id", "status", *ACCOUNT_AMOUNTS])
def test_an_account_that_lacks_something_is_garbled(ours: FakeAccount, alpaca: Alpaca, name: str) -> None:
    ours.account(**{name: None})
    garbled(alpaca.account, name)


@pytest.mark.parametrize("amount", NO_AMOUNTS, ids=lambda amount: repr(amount)[:20])
def test_an_amount_of_the_account_that_is_none_is_garbled(
    ours: FakeAccount, alpaca: Alpaca, amount: Any
) -> None:
    for name in ACCOUNT_AMOUNTS:
        ours.says("/v2/account", Answer({**ours.account(), name: amount}))
        garbled(alpaca.account, name)


def test_longs_are_worth_something_and_shorts_cost_something(ours: FakeAccount, alpaca: Alpaca) -> None:
    ours.account(short_market_value="25")
    assert alpaca.account().short_market_value == -25
    ours.account(long_market_value="-1")
    garbled(alpaca.account, "long_market_value")


# -- the clock --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-11-27T09:31:00.123456789-05:00", datetime(2026, 11, 27, 14, 31, 0, 123456, UTC)),
        ("2026-11-27T09:31:00-05:00", datetime(2026, 11, 27, 14, 31, tzinfo=UTC)),
        ("2026-11-27T14:31:00Z", datetime(2026, 11, 27, 14, 31, tzinfo=UTC)),
        ("2026-11-27T20:01:00.5+05:30", datetime(2026, 11, 27, 14, 31, 0, 500000, UTC)),
    ],
)
def test_times_of_the_clock_are_read_with_any_offset_and_any_decimals(
    ours: FakeAccount, alpaca: Alpaca, written: str, at: datetime
) -> None:
    ours.clock(is_open=False, at=written, next_open=written, next_close=written)
    assert alpaca.clock() == Clock(at=at, is_open=False, next_open=at, next_close=at)


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        7,
        True,
        [],
        "soon",
        "2026-11-27",
        "2026-11-27T14:31:00",
        "2026-13-01T00:00:00Z",
        "2026-W01-1T00:00:00Z",
        "9999-12-31T23:59:59-05:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "2026-11-27T25:00:00Z",
        "2026-11-27T14:31:00Z" + "Z" * 9,
        "2026-11-27T14:31:00+99:99",
        "2026-11-27T14:31:00." + "1" * 5000 + "Z",
    ],
)
def test_a_clock_without_times_is_garbled(ours: FakeAccount, alpaca: Alpaca, written: Any) -> None:
    for name in ("timestamp", "next_open", "next_close"):
        ours.says("/v2/clock", Answer({**ours.clock(), name: written}))
        garbled(alpaca.clock, name)


@pytest.mark.parametrize("value", [None, "true", 1, 0, []])
def test_a_clock_that_is_neither_open_nor_closed_is_garbled(
    ours: FakeAccount, alpaca: Alpaca, value: Any
) -> None:
    ours.says("/v2/clock", Answer({**ours.clock(), "is_open": value}))
    garbled(alpaca.clock, "is_open")


# -- positions --------------------------------------------------------------------------------------------------


def test_a_position_is_read_whole(ours: FakeAccount, alpaca: Alpaca) -> None:
    ours.position("BRK.B", "3.5", "410.3333333333333333", current="400", held="0.5")
    ours.position("BTC/USD", "0.000000001", 60000, asset_class="crypto")
    ours.position("TSLA", -7, 10, held=2)
    brk, btc, tsla = alpaca.positions()
    assert brk == Position(
        symbol="BRK.B",
        asset_id=asset_id("BRK.B"),
        asset_class="us_equity",
        shares=Decimal("3.5"),
        available=Decimal(3),
        avg_entry_price=Decimal("410.3333333333333333"),
        current_price=Decimal(400),
        market_value=Decimal(1400),
        open_pnl=Decimal("3.5") * (400 - Decimal("410.3333333333333333")),
    )
    assert (btc.symbol, btc.asset_class, btc.shares) == ("BTC/USD", "crypto", Decimal("0.000000001"))
    assert (tsla.shares, tsla.available) == (Decimal(-7), Decimal(-5))
    assert alpaca.requests == 1


def test_a_position_without_a_price_has_none(ours: FakeAccount, alpaca: Alpaca) -> None:
    ours.position("AAPL", 1, current_price=None, market_value=None, unrealized_pl=None)
    [position] = alpaca.positions()
    assert (position.current_price, position.market_value, position.open_pnl) == (None, None, None)


@pytest.mark.parametrize("amount", [*NO_AMOUNTS, None], ids=lambda amount: repr(amount)[:20])
def test_a_position_whose_amounts_make_no_sense_names_field_and_symbol(
    ours: FakeAccount, alpaca: Alpaca, amount: Any
) -> None:
    for name in ("qty", "qty_available", "avg_entry_price", "current_price", "market_value", "unrealized_pl"):
        if amount is None and name in ("current_price", "market_value", "unrealized_pl"):
            continue
        ours.holds(MSFT=1)
        ours.position("BRK.B", 1, **{name: amount})
        garbled(alpaca.positions, "BRK.B", name)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"qty": "0"}, "qty"),
        ({"qty": "-0.0"}, "qty"),
        ({"qty": "-1"}, "qty"),
        ({"side": ""}, "side"),
        ({"side": "flat"}, "side"),
        ({"side": []}, "side"),
        ({"symbol": ""}, "symbol"),
        ({"symbol": None}, "symbol"),
        ({"symbol": "A" * 201}, "symbol"),
        ({"symbol": "A\x00"}, "symbol"),
        ({"asset_id": None}, "asset_id"),
        ({"asset_id": 7}, "asset_id"),
        ({"asset_class": 7}, "asset_class"),
    ],
)
def test_a_position_that_contradicts_itself_is_garbled(
    ours: FakeAccount, alpaca: Alpaca, fields: dict[str, Any], word: str
) -> None:
    ours.says("/v2/positions", Answer([{**ours.position("AAPL", 1), **fields}]))
    garbled(alpaca.positions, word)


@pytest.mark.parametrize("qty", ["10", "-10"])
def test_a_short_position_is_negative_however_its_quantity_is_written(
    ours: FakeAccount, alpaca: Alpaca, qty: str
) -> None:
    ours.position("AAPL", -10, qty=qty, qty_available=qty)
    [position] = alpaca.positions()
    assert (position.shares, position.available) == (Decimal(-10), Decimal(-10))


def test_no_symbol_and_no_asset_has_two_positions(ours: FakeAccount, alpaca: Alpaca) -> None:
    first = ours.position("AAPL", 1)
    for second in (first, {**first, "symbol": "APPL"}, {**first, "asset_id": asset_id("MSFT")}):
        ours.says("/v2/positions", Answer([first, second]))
        garbled(alpaca.positions, "twice")


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"null", b"[1]", b"[null]", b"[[]]", b"[" * 100_000, b"\xff\xfe", b"[{}]"]
)
def test_a_list_of_positions_that_is_none_is_garbled(ours: FakeAccount, alpaca: Alpaca, body: bytes) -> None:
    ours.says("/v2/positions", Answer(body))
    garbled(alpaca.positions)


def test_a_hundred_thousand_positions_are_read_at_once(ours: FakeAccount, alpaca: Alpaca) -> None:
    row = ours.position("AAPL", 1)
    rows = [{**row, "symbol": f"S{n}", "asset_id": f"id-{n}", "qty": f"{n + 1}"} for n in range(100_000)]
    ours.says("/v2/positions", Answer(json.dumps(rows).encode()))
    positions = alpaca.positions()
    assert len(positions) == 100_000
    assert sum(position.shares for position in positions) == 100_000 * 100_001 // 2


def test_an_answer_about_one_thing_is_not_read_without_end(
    ours: FakeAccount, alpaca: Alpaca, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alpaca_http, "MAX_PAGE", 1000)
    ours.says("/v2/", Answer(b"[" + b" " * 2000 + b"]"))
    assert alpaca.positions() == []
    with pytest.raises(BrokerError, match="larger than 1000"):
        alpaca.account()
