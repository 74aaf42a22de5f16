"""Alpaca's own SDK, unmodified, takes the sandbox for Alpaca.

It is typed as Any here: the SDK declares every answer as a model or a raw dictionary, and only models come.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from alpaca.common.enums import Sort
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    AccountStatus,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    QueryOrderStatus,
    TimeInForce,
)
from alpaca.trading.models import Order
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
)

from sandbox.server import Server
from tests.tools.sandbox.client import KEY, Http


def buy(qty: float = 1, symbol: str = "AAPL", side: OrderSide = OrderSide.BUY) -> MarketOrderRequest:
    return MarketOrderRequest(symbol=symbol, qty=qty, side=side, time_in_force=TimeInForce.DAY)


def limit(price: float, side: OrderSide = OrderSide.BUY, **more: object) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol="AAPL", qty=1, side=side, time_in_force=TimeInForce.GTC, limit_price=price, **more
    )


def placed(alpaca: Any, request: MarketOrderRequest | LimitOrderRequest) -> Order:
    order = alpaca.submit_order(request)
    assert isinstance(order, Order)
    return order


def bought(alpaca: Any, request: MarketOrderRequest | LimitOrderRequest) -> Order:
    """The order after its fill, which comes with the next call."""
    order = placed(alpaca, request)
    assert (order.status, order.filled_qty, order.filled_avg_price) == (OrderStatus.PENDING_NEW, "0", None)
    seen = alpaca.get_order_by_id(order.id)
    assert isinstance(seen, Order)
    return seen


def test_an_account_is_active_has_a_stable_id_and_its_money_as_strings(alpaca: Any) -> None:
    account = alpaca.get_account()
    assert account.status is AccountStatus.ACTIVE
    assert account.id == alpaca.get_account().id
    assert (account.cash, account.equity, account.buying_power) == ("100000", "100000", "200000")
    assert (account.trading_blocked, account.account_blocked, account.trade_suspended_by_user) == (False,) * 3
    gone = (account.pattern_day_trader, account.daytrade_count, account.daytrading_buying_power)
    assert gone == (None, None, None), "Alpaca sends them no more since 2026-07-06"


def test_every_key_has_an_account_of_its_own_that_another_sandbox_gives_the_same_id(server: Server) -> None:
    def account_id(key: str, url: str) -> UUID:
        client: Any = TradingClient(key, "s", paper=True, url_override=url)
        try:
            return UUID(str(client.get_account().id))
        finally:
            client._session.close()

    with Server() as other:
        assert account_id("A", server.url) == account_id("A", other.url) != account_id("B", server.url)


def test_a_market_order_fills_at_the_price_and_becomes_a_position(alpaca: Any, http: Http) -> None:
    http.put("/prices", {"AAPL": "187.5"})
    order = bought(alpaca, buy(10))
    assert (order.status, order.filled_qty, order.filled_avg_price) == (OrderStatus.FILLED, "10", "187.5")
    position = alpaca.get_open_position("AAPL")
    assert (position.qty, position.side, position.avg_entry_price) == ("10", PositionSide.LONG, "187.5")
    assert (position.market_value, position.unrealized_pl, position.qty_available) == ("1875", "0", "10")
    assert alpaca.get_account().cash == "98125"
    assert [p.symbol for p in alpaca.get_all_positions()] == ["AAPL"]


def test_a_position_is_found_by_its_asset_id_too(alpaca: Any) -> None:
    placed(alpaca, buy())
    assert alpaca.get_open_position(alpaca.get_asset("AAPL").id).symbol == "AAPL"


def test_an_unknown_position_is_a_404_with_alpacas_code(alpaca: Any) -> None:
    with pytest.raises(APIError) as refusal:
        alpaca.get_open_position("AAPL")
    assert refusal.value.status_code == 404
    assert (refusal.value.code, refusal.value.message) == (40410000, "position does not exist")


def test_positions_average_their_entry_price_and_closing_realises_the_profit(alpaca: Any, http: Http) -> None:
    http.put("/prices", {"AAPL": "100"})
    placed(alpaca, buy(10))
    http.put("/prices", {"AAPL": "130"})
    placed(alpaca, buy(5))
    position = alpaca.get_open_position("AAPL")
    assert (position.avg_entry_price, position.unrealized_pl) == ("110", "300")
    alpaca.close_position("AAPL")
    assert alpaca.get_all_positions() == []
    assert alpaca.get_account().cash == "100300"
    assert http.get(f"/sandbox/accounts/{KEY}").json()["realized_pl"] == "300"


def test_a_short_position_has_a_negative_quantity_and_the_short_side(alpaca: Any, http: Http) -> None:
    http.put("/prices", {"AAPL": "50"})
    placed(alpaca, buy(4, side=OrderSide.SELL))
    position = alpaca.get_open_position("AAPL")
    assert (position.qty, position.side, position.qty_available) == ("-4", PositionSide.SHORT, "-4")
    assert (position.market_value, position.cost_basis) == ("-200", "-200")
    account = alpaca.get_account()
    assert (account.cash, account.equity, account.short_market_value) == ("100200", "100000", "-200")
    http.put("/prices", {"AAPL": "45"})
    assert alpaca.get_open_position("AAPL").unrealized_pl == "20"
    alpaca.close_position("AAPL")
    assert alpaca.get_account().cash == "100020"


def test_a_notional_order_buys_the_fraction_that_the_money_is_worth(alpaca: Any, http: Http) -> None:
    http.put("/prices", {"AAPL": "200"})
    order = bought(
        alpaca,
        MarketOrderRequest(symbol="AAPL", notional=50, side=OrderSide.BUY, time_in_force=TimeInForce.DAY),
    )
    assert (order.qty, order.notional, order.filled_qty) == (None, "50", "0.25")
    assert alpaca.get_open_position("AAPL").qty == "0.25"


def test_a_held_order_works_until_it_is_canceled(alpaca: Any, http: Http) -> None:
    http.put("/fills", {"hold": True})
    order = bought(alpaca, buy())
    assert (order.status, order.filled_qty) == (OrderStatus.NEW, "0")
    assert [o.id for o in alpaca.get_orders()] == [order.id]
    alpaca.cancel_order_by_id(order.id)
    seen = alpaca.get_order_by_id(order.id)
    assert (seen.status, seen.canceled_at is not None) == (OrderStatus.CANCELED, True)
    assert alpaca.get_orders() == []


def test_held_orders_fill_when_fills_are_let_go(alpaca: Any, http: Http) -> None:
    http.put("/fills", {"hold": True})
    order = placed(alpaca, buy(3))
    http.put("/fills", {"hold": False})
    assert alpaca.get_order_by_id(order.id).status is OrderStatus.FILLED
    assert alpaca.get_open_position("AAPL").qty == "3"


def test_a_finished_order_cannot_be_canceled(alpaca: Any) -> None:
    order = bought(alpaca, buy())
    with pytest.raises(APIError) as refusal:
        alpaca.cancel_order_by_id(order.id)
    assert (refusal.value.status_code, refusal.value.code) == (422, 42210000)
    assert refusal.value.message == 'order is already in "filled" state'


def test_an_unknown_order_is_a_404(alpaca: Any) -> None:
    unknown = uuid4()
    for call in (alpaca.get_order_by_id, alpaca.cancel_order_by_id):
        with pytest.raises(APIError) as refusal:
            call(unknown)
        assert (refusal.value.status_code, refusal.value.code) == (404, 40410000)


def test_an_order_is_found_by_its_client_order_id(alpaca: Any) -> None:
    order = placed(alpaca, limit(1, client_order_id="trade-7"))
    assert alpaca.get_order_by_client_id("trade-7").id == order.id
    with pytest.raises(APIError) as refusal:
        alpaca.get_order_by_client_id("trade-8")
    assert refusal.value.code == 40410000


@pytest.mark.parametrize(
    ("side", "rests", "crosses"), [("buy", "100.01", "99.5"), ("sell", "99.99", "100.5")]
)
def test_a_limit_order_fills_when_the_price_crosses(
    alpaca: Any, http: Http, side: str, rests: str, crosses: str
) -> None:
    http.put("/prices", {"AAPL": rests})
    order = bought(alpaca, limit(100, OrderSide(side)))
    assert (order.status, order.type, order.limit_price) == (OrderStatus.NEW, OrderType.LIMIT, "100")
    http.put("/prices", {"AAPL": crosses})
    seen = alpaca.get_order_by_id(order.id)
    assert (seen.status, seen.filled_avg_price) == (OrderStatus.FILLED, crosses)


def test_orders_are_listed_by_status_symbol_side_direction_and_limit(alpaca: Any) -> None:
    filled = [placed(alpaca, buy(symbol=symbol)).id for symbol in ("AAPL", "MSFT", "TSLA")]
    resting = placed(alpaca, limit(1)).id
    aimed = {
        "open": (GetOrdersRequest(status=QueryOrderStatus.OPEN), [resting]),
        "default": (None, [resting]),
        "closed": (GetOrdersRequest(status=QueryOrderStatus.CLOSED), filled[::-1]),
        "all": (GetOrdersRequest(status=QueryOrderStatus.ALL), [resting, *filled[::-1]]),
        "symbols": (
            GetOrdersRequest(status=QueryOrderStatus.CLOSED, symbols=["TSLA", "AAPL"]),
            [filled[2], filled[0]],
        ),
        "limit": (GetOrdersRequest(status=QueryOrderStatus.ALL, limit=2), [resting, filled[2]]),
        "asc": (GetOrdersRequest(status=QueryOrderStatus.CLOSED, direction=Sort.ASC), filled),
        "sells": (GetOrdersRequest(status=QueryOrderStatus.ALL, side=OrderSide.SELL), []),
    }
    seen = {name: [order.id for order in alpaca.get_orders(asked)] for name, (asked, _) in aimed.items()}
    assert seen == {name: ids for name, (_, ids) in aimed.items()}


def test_orders_are_listed_by_time(alpaca: Any) -> None:
    first, second = placed(alpaca, limit(1)), placed(alpaca, limit(2))
    assert [o.id for o in alpaca.get_orders(GetOrdersRequest(after=first.submitted_at))] == [second.id]
    assert [o.id for o in alpaca.get_orders(GetOrdersRequest(until=second.submitted_at))] == [first.id]


def test_all_orders_are_canceled_in_one_call(alpaca: Any) -> None:
    ids = {placed(alpaca, limit(price)).id for price in (1, 2)}
    responses = alpaca.cancel_orders()
    assert {(r.id, r.status) for r in responses} == {(order_id, 200) for order_id in ids}
    assert alpaca.get_orders() == []


def test_part_of_a_position_is_closed_by_quantity_or_percentage(alpaca: Any) -> None:
    placed(alpaca, buy(10))
    alpaca.close_position("AAPL", ClosePositionRequest(qty="4"))
    assert alpaca.get_open_position("AAPL").qty == "6"
    alpaca.close_position("AAPL", ClosePositionRequest(percentage="50"))
    assert alpaca.get_open_position("AAPL").qty == "3"


def test_closing_a_position_that_is_not_there_is_a_404(alpaca: Any) -> None:
    with pytest.raises(APIError) as refusal:
        alpaca.close_position("AAPL")
    assert (refusal.value.status_code, refusal.value.code) == (404, 40410000)


def test_all_positions_are_closed_and_their_orders_canceled_in_one_call(alpaca: Any, http: Http) -> None:
    http.positions(AAPL=5, MSFT=-5)
    resting = placed(alpaca, limit(100_000, OrderSide.SELL))
    blocked = {r.symbol: r.status for r in alpaca.close_all_positions()}
    assert blocked == {"AAPL": 403, "MSFT": 200}, "the resting sell holds a share of AAPL"
    assert {r.symbol: r.status for r in alpaca.close_all_positions(cancel_orders=True)} == {"AAPL": 200}
    assert alpaca.get_all_positions() == []
    assert alpaca.get_order_by_id(resting.id).status is OrderStatus.CANCELED


def test_the_clock_is_read_and_set(alpaca: Any, http: Http) -> None:
    assert alpaca.get_clock().is_open is True, "it never closes unless it is told to"
    for is_open in (False, None, True):
        http.put("/clock", {"is_open": is_open})
        clock = alpaca.get_clock()
        assert is_open in (None, clock.is_open)
        assert clock.timestamp < min(clock.next_open, clock.next_close)
        assert clock.is_open == (clock.next_close < clock.next_open)


def test_an_asset_is_tradable(alpaca: Any) -> None:
    asset = alpaca.get_asset("AAPL")
    assert (asset.symbol, asset.tradable, asset.shortable, asset.fractionable) == ("AAPL", True, True, True)


def test_money_is_exact_where_floats_are_not(alpaca: Any, http: Http) -> None:
    http.put("/prices", {"AAPL": "0.1"})
    for _ in range(3):
        placed(alpaca, buy(1))
    assert Decimal(alpaca.get_account().cash or 0) == Decimal("99999.7")
