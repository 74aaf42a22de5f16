"""One account at Alpaca: its positions, orders and fills, and the few things that Pitboss asks it to do.

Facts about the API are from Alpaca's description of its Trading API (2.0.1, docs.alpaca.markets). ``bot.broker.alpaca_http``
makes the calls, ``bot.broker.alpaca_parsing`` reads the rows of the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import quote
from uuid import UUID

from bot.broker import alpaca_parsing as parsing
from bot.broker.alpaca_http import AlpacaHttp, Objection, is_no_asset, is_no_order
from bot.broker.errors import BrokerGarbled, BrokerNotFound
from bot.broker.positions import positions_of
from bot.broker.readings import Account, Clock, Fill, Order, Position

#: An order that was replaced more often than this is treated as garbled.
MOST_REPLACEMENTS = 10
#: The most orders that one page of the list holds.
ORDERS_PAGE = 500
#: The most fills that one page of the activities holds.
FILLS_PAGE = 100
#: A list with more pages than this is not read: it would use up the account's requests of a minute.
MOST_PAGES = 60
#: The longest ``client_order_id``, in characters.
CLIENT_ORDER_ID_LENGTH = 128
_TICK = timedelta(microseconds=1)
#: Alpaca began after the first, and is not asked for what comes after the last.
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=_HasId)


class Alpaca(AlpacaHttp):
    """One account at Alpaca. Every method raises BrokerError if the answer is not certain; a failed call never means "nothing".
    All calls together end within *budget_sec*, see AlpacaHttp, which also counts the requests."""

    # -- reads --------------------------------------------------------------------------------------------------

    def account(self) -> Account:
        """The account, its amounts and what blocks it from trading.

        Raises:
            AccountBlocked: it is not ACTIVE and has no amounts.
        """
        return parsing.account_of(self.get("/v2/account"))

    def clock(self) -> Clock:
        """The exchange's clock."""
        return parsing.clock_of(self.get("/v2/clock"))

    def positions(self) -> Sequence[Position]:
        """All positions; no two of one symbol or of one asset."""
        return positions_of(self.read("/v2/positions"))

    def order(self, order_id: str) -> Order | None:
        """One order; None if Alpaca says that it does not exist."""

        def absent(said: Objection) -> bool:
            # an order's id is a UUID: Alpaca calls any other a bad parameter
            return is_no_order(said) or (
                said.status == 422 and said.code == 40010001 and not _is_uuid(order_id)
            )

        if not _can_be_asked_for(order_id):
            return None
        try:
            row = self.get(f"/v2/orders/{quote(order_id, safe='')}", absent=absent)
        except BrokerNotFound:
            return None
        return _is_asked_for(parsing.order_of(row), lambda order: order.id.lower() == order_id.lower())

    def order_by_client_id(self, client_order_id: str) -> Order | None:
        """The order with this id of ours; None if Alpaca says that it does not exist."""
        if not _can_be_asked_for(client_order_id) or len(client_order_id) > CLIENT_ORDER_ID_LENGTH:
            return None
        params = {"client_order_id": client_order_id}
        try:
            row = self.get("/v2/orders:by_client_order_id", params, absent=is_no_order)
        except BrokerNotFound:
            return None
        return _is_asked_for(parsing.order_of(row), lambda order: order.client_order_id == client_order_id)

    def chain(self, order: Order) -> list[Order]:
        """*order* and the orders that replaced it, in sequence, up to the last one that Alpaca shows.

        If that one is ``replaced`` itself, its successor cannot be found, and the fate of *order* is unknown.

        Raises:
            BrokerGarbled: they form a circle, are more than MOST_REPLACEMENTS, or one names a different predecessor.
        """
        links = [order]
        seen = {order.id.lower()}
        while (successor := links[-1].replaced_by) is not None:
            last = links[-1].id
            if successor.lower() in seen:
                raise BrokerGarbled(f"Alpaca's orders that replaced {order.id} form a circle.")
            if len(links) > MOST_REPLACEMENTS:
                raise BrokerGarbled(f"The order {order.id} was replaced more than {MOST_REPLACEMENTS} times.")
            found = self.order(successor)
            if found is None:
                break
            if found.replaces is not None and found.replaces.lower() != last.lower():
                raise BrokerGarbled(f"Alpaca's order {successor} replaced another one than {last}.")
            seen.add(successor.lower())
            links.append(found)
        return links

    def orders_since(self, after: datetime | None, *, status: Literal["all", "open"] = "all") -> list[Order]:
        """The orders that were submitted at *after* (aware) or later, or all, newest first. Held legs of a bracket are not
        among the open ones."""
        params = {"status": status, "limit": str(ORDERS_PAGE), "direction": "desc"}
        if after is not None:
            params["after"] = _before(after)
        found: dict[str, Order] = {}
        for page in self._pages("/v2/orders", params, parsing.order_of, ORDERS_PAGE, "orders"):
            times = [order.submitted_at for order in page if order.submitted_at is not None]
            if len(page) == ORDERS_PAGE and not times:
                raise BrokerGarbled("Alpaca's list of orders does not say when they were submitted.")
            # "until" excludes its own moment, and orders that were sent together share theirs
            params["until"] = _written(min(times) + _TICK) if times else ""
            found |= {order.id: order for order in page}
        return list(found.values())

    def fills_since(self, after: datetime) -> list[Fill]:
        """The fills at *after* (aware) or later, oldest first."""
        params = {"after": _before(after), "direction": "asc", "page_size": str(FILLS_PAGE)}
        found: dict[str, Fill] = {}
        path = "/v2/account/activities/FILL"
        for page in self._pages(path, params, parsing.fill_of, FILLS_PAGE, "fills"):
            params["page_token"] = page[-1].id if page else ""
            found |= {fill.id: fill for fill in page}
        return list(found.values())

    def symbol_of(self, asset_id: str) -> str | None:
        """The present symbol of an asset; None if Alpaca says that the asset does not exist."""
        if not _can_be_asked_for(asset_id):
            return None
        try:
            row = self.get(f"/v2/assets/{quote(asset_id, safe='')}", absent=is_no_asset)
        except BrokerNotFound:
            return None
        found, symbol = parsing.asset_of(row)
        if found.lower() != asset_id.lower():
            raise BrokerGarbled(f"Alpaca answered with the asset {found}, which was not asked for.")
        return symbol

    def suspends_trade(self) -> bool:
        """Whether the account rejects new orders because its owner has set it so."""
        return _suspend_trade(self.get("/v2/account/configurations"))

    # -- writes -------------------------------------------------------------------------------------------------

    def cancel_order(self, order_id: str) -> None:
        """Ask for the cancellation of an order; when this returns it is accepted, but not yet done.

        Raises:
            BrokerRefused: the order cannot be cancelled any more.
            BrokerNotFound: there is no such order.
        """
        if not _can_be_asked_for(order_id):
            raise BrokerNotFound()
        self.write("DELETE", f"/v2/orders/{quote(order_id, safe='')}", absent=is_no_order)

    def cancel_all_orders(self) -> list[str]:
        """Ask for the cancellation of every working order; the ids of those for which Alpaca rejected it."""
        rows = self.write("DELETE", "/v2/orders")
        rejected = []
        for row in [] if rows is None else _rows(rows, "cancellations"):
            if (
                not isinstance(row, dict)
                or not isinstance(row.get("id"), str)
                or type(row.get("status")) is not int
            ):
                raise BrokerGarbled("Alpaca's list of cancellations has a malformed row.")
            if not 200 <= row["status"] < 300:
                rejected.append(row["id"])
        return rejected

    def close_position(self, symbol_or_asset_id: str, shares: Decimal | None = None) -> Order:
        """Send the market order that closes a position, or *shares* (unsigned) of it.

        Raises:
            BrokerRefused: the shares are held by another order, or are more than there are.
            BrokerNotFound: there is no such position.
        """
        if not _can_be_asked_for(symbol_or_asset_id):
            raise BrokerNotFound()
        params = None if shares is None else {"qty": f"{abs(shares):f}"}
        path = f"/v2/positions/{quote(symbol_or_asset_id, safe='')}"
        return parsing.order_of(
            self.write("DELETE", path, params, absent=lambda said: said.says("position does not exist"))
        )

    def set_suspend_trade(self, suspend: bool) -> None:
        """Make the account reject new orders, or accept them again."""
        answer = self.write("PATCH", "/v2/account/configurations", body={"suspend_trade": suspend})
        if _suspend_trade(answer) is not suspend:
            raise BrokerGarbled("Alpaca's answer says that suspend_trade was not changed.")

    # -- lists --------------------------------------------------------------------------------------------------

    def _pages(
        self, path: str, params: dict[str, str], parse: Callable[[object], R], size: int, what: str
    ) -> Iterator[list[R]]:
        """The pages of a list up to the first that is not full. The caller sets *params* for the next page between two pages."""
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            page = [parse(row) for row in _rows(self.get(path, params), what)]
            yield page
            if len(page) < size:
                return
            ids = {row.id for row in page}
            if ids <= seen:
                raise BrokerGarbled(f"Alpaca's list of {what} does not end.")
            seen |= ids
        raise BrokerGarbled(f"Alpaca's list of {what} has more than {MOST_PAGES} pages.")


def _rows(answer: object, what: str) -> list[Any]:
    if not isinstance(answer, list):
        raise BrokerGarbled(f"Alpaca's answer about the {what} is not a list.")
    return answer


def _suspend_trade(answer: object) -> bool:
    value = answer.get("suspend_trade") if isinstance(answer, dict) else None
    if not isinstance(value, bool):
        raise BrokerGarbled("Alpaca's answer about the configurations has no suspend_trade.")
    return value


def _is_asked_for(order: Order, is_it: Callable[[Order], bool]) -> Order:
    if not is_it(order):
        raise BrokerGarbled(f"Alpaca answered with the order {order.id}, which was not asked for.")
    return order


def _can_be_asked_for(name: str) -> bool:
    """Whether *name* can be part of a path; "" and ".." would lead to another path, and nothing has such a name."""
    return name.isprintable() and name.strip(".") != ""


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _before(after: datetime) -> str:
    # "after" excludes its own moment
    return _written(min(max(after, _FIRST), _LAST) - _TICK)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
