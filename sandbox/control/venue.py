"""Prices, fills, the clock, halts and corporate actions: what affects every account."""

from __future__ import annotations

from flask import Blueprint, Response

from sandbox import corporate
from sandbox.answers import answer
from sandbox.control.bodies import body_of, fields_of, positive, seconds, switch, symbol
from sandbox.errors import malformed
from sandbox.market import Market


def add_routes(blueprint: Blueprint, market: Market) -> None:
    """Add them."""
    venue = market.venue

    @blueprint.get("/prices")
    def get_prices() -> Response:
        return answer(venue.prices.as_json())

    @blueprint.put("/prices")
    def put_prices() -> Response:
        given = body_of(dict)
        prices = {symbol(name): positive(price, f"the price of {name}") for name, price in given.items()}
        with market.lock:
            venue.prices.set(prices)
            market.changed()
            return answer(venue.prices.as_json())

    @blueprint.get("/fills")
    def get_fills() -> Response:
        return answer({"hold": venue.hold_fills, "delay_sec": venue.fill_delay_sec})

    @blueprint.put("/fills")
    def put_fills() -> Response:
        body = fields_of("hold", "delay_sec")
        if not body:
            raise malformed("hold or delay_sec is missing")
        hold = switch(body.get("hold", venue.hold_fills), "hold")
        delay = seconds(body.get("delay_sec", venue.fill_delay_sec), "delay_sec")
        with market.lock:
            venue.hold_fills, venue.fill_delay_sec = hold, delay
            market.changed()
        return get_fills()

    @blueprint.get("/clock")
    def get_clock() -> Response:
        return answer({"is_open": venue.clock.is_open, "decimals": venue.clock.decimals})

    @blueprint.put("/clock")
    def put_clock() -> Response:
        body = fields_of("is_open", "decimals")
        is_open, decimals = body.get("is_open", venue.clock.is_open), body.get("decimals", 9)
        if not body or (is_open is not None and not isinstance(is_open, bool)):
            raise malformed("is_open must be true, false, or null for the hours of the exchange")
        if type(decimals) is not int or not 0 <= decimals <= 9:
            raise malformed("decimals must be a whole number from 0 to 9")
        with market.lock:
            venue.clock.is_open, venue.clock.decimals = is_open, decimals
            market.changed()
        return get_clock()

    @blueprint.get("/halts")
    def get_halts() -> Response:
        return answer(sorted(venue.halted))

    @blueprint.put("/halts")
    def put_halts() -> Response:
        halted = {symbol(name) for name in body_of(list)}
        with market.lock:
            venue.halted = halted
            market.changed()
        return get_halts()

    @blueprint.post("/splits")
    def post_split() -> Response:
        body = fields_of("symbol", "from", "to")
        name, old, new = (
            symbol(body.get("symbol")),
            positive(body.get("from"), "from"),
            positive(body.get("to"), "to"),
        )
        with market.lock:
            corporate.split(venue, market.accounts.values(), name, old, new)
            market.changed()
        return answer({"symbol": name, "price": str(venue.prices.price(name))})

    @blueprint.post("/symbol_changes")
    def post_symbol_change() -> Response:
        body = fields_of("from", "to", "new_cusip")
        old, new = symbol(body.get("from"), "from"), symbol(body.get("to"), "to")
        new_cusip = switch(body.get("new_cusip", False), "new_cusip")
        if old == new:
            raise malformed("from and to are the same symbol")
        with market.lock:
            if any(new in account.positions for account in market.accounts.values()):
                raise malformed(f"{new} is held already: it cannot be the new symbol of {old}")
            corporate.change_symbol(venue, market.accounts.values(), old, new, new_cusip=new_cusip)
            market.changed()
            return answer(venue.assets.row(new))
