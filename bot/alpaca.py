"""The one place that knows Alpaca: its addresses, keys, time-outs and dialect.

Every answer is either understood completely or raised as a BrokerError: a call that failed never reads as "nothing".
Facts about the API are from Alpaca's Trading API reference (docs.alpaca.markets).
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated, Any, Self
from urllib.parse import quote

import requests
import urllib3
from pydantic import FailFast, TypeAdapter, ValidationError
from requests.adapters import HTTPAdapter
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from bot.errors import (
    BrokerError,
    BrokerFailed,
    BrokerGarbled,
    BrokerNotFound,
    BrokerRateLimited,
    BrokerTimeout,
    BrokerUnauthorized,
    BrokerUnreachable,
)
from bot.setting_values import AlpacaAccess

CONNECT_TIMEOUT_SEC = 2.0
READ_TIMEOUT_SEC = 4.0
#: An answer larger than this is not read to its end, in bytes.
MAX_BODY = 256 * 1024 * 1024
#: A server's word about when to come back is believed up to this many seconds.
MAX_RETRY_AFTER_SEC = 60.0

#: Statuses of an order that can no longer fill. Every other may: new, accepted, partially_filled, held, suspended and
#: so on, and those that Alpaca has yet to invent.
FINISHED = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
#: An order that was replaced more often than this is taken to be working still.
MOST_REPLACEMENTS = 10
#: Up to this many orders are asked for one by one; more are looked up in the list of open orders, since an account
#: has 200 requests a minute.
ORDERS_ONE_BY_ONE = 20
#: The most orders that one page of the list holds.
ORDERS_PAGE = 500


class _Position(TypedDict, total=False):
    """What is read of a position; what it is worth is not kept, of 100,000 it would be 50 MB."""

    symbol: Any
    qty: Any
    side: Any


_POSITIONS: TypeAdapter[list[_Position]] = TypeAdapter(Annotated[list[_Position], FailFast()])
#: What is wrong with a list of positions, by pydantic's name for it.
_GARBLED = {"json_invalid": "is not JSON", "list_type": "is not a list"}


@dataclass(frozen=True)
class Account:
    """What Pitboss needs to know of an account."""

    id: str
    #: Names of the flags by which Alpaca keeps the account from trading.
    blocks: tuple[str, ...]


class Alpaca:
    """One account of Alpaca, for as long as *budget_sec* seconds from its making: no call outlasts that by much.

    Use it as a context: leaving it ends every call that is still under way, in whatever thread. Every method raises
    BrokerError when the answer is not known for certain.
    """

    def __init__(self, access: AlpacaAccess, *, budget_sec: float = 10.0) -> None:
        self._access = access
        self._deadline = time.monotonic() + budget_sec
        self._adapter = _Adapter()
        self._http = requests.Session()
        self._http.mount(access.url, self._adapter)
        self._http.headers.update(
            {"APCA-API-KEY-ID": access.key, "APCA-API-SECRET-KEY": access.secret.get_secret_value()}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._deadline = 0.0
        self._adapter.hang_up()
        self._http.close()

    def account(self) -> Account:
        """Identity and blocks of the account."""
        row = self._get("/v2/account")
        if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not row["id"]:
            raise BrokerGarbled("Alpaca's answer about the account has no id.")
        flags = {
            flag: row.get(flag, False)
            for flag in ("trading_blocked", "account_blocked", "trade_suspended_by_user")
        }
        if not all(isinstance(value, bool) for value in flags.values()):
            raise BrokerGarbled(
                "Alpaca's answer about the account has a block that is neither true nor false."
            )
        return Account(id=row["id"], blocks=tuple(flag for flag, is_set in flags.items() if is_set))

    def positions(self) -> dict[str, Decimal]:
        """Shares held of each symbol; short positions are negative."""
        body = self._read("/v2/positions")
        try:
            rows = _POSITIONS.validate_json(body)
        except ValidationError as error:
            what = _GARBLED.get(error.errors()[0]["type"], "has a malformed row")
            raise BrokerGarbled(f"Alpaca's list of positions {what}.") from None
        held: dict[str, Decimal] = {}
        for row in rows:
            symbol = row.get("symbol")
            if not isinstance(symbol, str) or not symbol:
                raise BrokerGarbled("Alpaca's list of positions has a malformed row.")
            if symbol in held:
                raise BrokerGarbled(f"Alpaca's answer names the position {symbol} twice.")
            try:
                held[symbol] = _shares(row.get("qty"), row.get("side"))
            except _Senseless:
                raise BrokerGarbled(f"Alpaca's row about the position {symbol} makes no sense.") from None
            except (TypeError, InvalidOperation):
                raise BrokerGarbled("Alpaca's list of positions has a malformed row.") from None
        return held

    def working_orders(self, orders: Mapping[str, str]) -> set[str]:
        """Those of *orders* (id to symbol) that may still fill, themselves or by what replaced them. An order that
        Alpaca does not know is not working. More than ORDERS_ONE_BY_ONE are looked up in one list, which is no proof that
        what it leaves out is finished: ask twice. Name the likeliest to work first, an empty list is checked with it.
        """
        if len(orders) <= ORDERS_ONE_BY_ONE:
            return {order_id for order_id in orders if self._is_working(order_id)}
        ids, replaced = self._open_orders()
        working = {
            order_id for order_id, symbol in orders.items() if order_id.lower() in ids or symbol in replaced
        }
        # that all are finished is what a list would say that is empty for no reason
        if not working and self._is_working(next(iter(orders))):
            raise BrokerGarbled("Alpaca's list of orders leaves out an order that works.")
        return working

    def _is_working(self, order_id: str) -> bool:
        for _ in range(MOST_REPLACEMENTS):
            try:
                order = self._get(f"/v2/orders/{quote(order_id, safe='')}")
            except BrokerNotFound:
                return False
            if not isinstance(order, dict) or not isinstance(order.get("status"), str):
                raise BrokerGarbled("Alpaca's answer about an order has no status.")
            successor = order.get("replaced_by")
            if order["status"] != "replaced" or not isinstance(successor, str):
                return order["status"] not in FINISHED
            order_id = successor
        return True

    def _open_orders(self) -> tuple[set[str], set[str]]:
        """Ids of all orders that may still fill, and the symbols of those of them that replaced another order."""
        found: set[str] = set()
        replaced: set[str] = set()
        params = {"status": "open", "limit": str(ORDERS_PAGE), "direction": "desc"}
        while True:
            page = self._get("/v2/orders", params)
            if not isinstance(page, list):
                raise BrokerGarbled("Alpaca's answer about the orders is not a list.")
            try:
                ids = {order["id"].lower() for order in page if order["status"].lower() not in FINISHED}
                replaced |= {order["symbol"] for order in page if order.get("replaces")}
                if len(page) < ORDERS_PAGE:
                    return found | ids, replaced
                oldest = min(datetime.fromisoformat(order["submitted_at"]) for order in page)
            except (TypeError, KeyError, AttributeError, ValueError):
                raise BrokerGarbled("Alpaca's list of orders has a malformed row.") from None
            if ids <= found:
                raise BrokerGarbled("Alpaca's list of orders does not end.")
            found |= ids
            # "until" leaves its own moment out, and orders that were sent together share theirs
            params["until"] = (oldest + timedelta(microseconds=1)).isoformat()

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        try:
            return json.loads(self._read(path, params))
        except (ValueError, RecursionError):
            raise BrokerGarbled(f"Alpaca's answer to {self._named(path)} is not JSON.") from None

    def _read(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        what = self._named(path)
        try:
            response = self._http.get(
                self._access.url + path,
                params=params,
                timeout=(min(CONNECT_TIMEOUT_SEC, self._left(what)), min(READ_TIMEOUT_SEC, self._left(what))),
                stream=True,
                allow_redirects=False,  # the keys are for this address only
            )
            with response:
                body = self._body(response, what)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise BrokerTimeout(f"Alpaca did not answer {what} in time.") from None
        except requests.ConnectionError:
            raise BrokerUnreachable(f"Alpaca could not be reached for {what}.") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise BrokerGarbled(f"Alpaca's answer to {what} broke off.") from None
        _check_status(response, body, what)
        return body

    def _named(self, path: str) -> str:
        return f"GET {path} ({self._access.mode})"

    def _body(self, response: requests.Response, what: str) -> bytes:
        # requests' time-out starts anew with every byte, so a body that drips would never end
        body = bytearray()
        while chunk := response.raw.read1(1 << 20, decode_content=True):
            body += chunk
            self._left(what)
            if len(body) > MAX_BODY:
                raise BrokerGarbled(f"Alpaca's answer to {what} is larger than {MAX_BODY} bytes.")
        return bytes(body)

    def _left(self, what: str) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise BrokerTimeout(f"Alpaca did not answer {what} in time.")
        return left


class _Senseless(Exception):
    """A quantity and a side that cannot be."""


@lru_cache(maxsize=10_000)  # many positions are of the same size
def _shares(quantity: str, side: str | None) -> Decimal:
    """Shares, negative for a short position.

    Raises:
        _Senseless: they contradict each other, or are none. TypeError, InvalidOperation: they are no such thing.
    """
    if not isinstance(quantity, str):
        raise TypeError
    shares = Decimal(quantity)
    held = -abs(shares) if side == "short" else shares
    if (
        not held.is_finite()
        or held == 0
        or side not in ("long", "short", None)
        or (side == "long" and held < 0)
    ):
        raise _Senseless
    return held


def _check_status(response: requests.Response, body: bytes, what: str) -> None:
    status = response.status_code
    if status == 200:
        return
    error: BrokerError
    if status in (401, 403):
        error = BrokerUnauthorized(f"Alpaca refused the API keys with {status} on {what}.")
    elif status == 404 and _is_alpacas_own(body):
        error = BrokerNotFound(f"Alpaca does not know what {what} asks for.")
    elif status == 404:
        error = BrokerFailed(f"Alpaca answered {what} with a 404 that is not its own.")
    elif status == 429:
        error = BrokerRateLimited(f"Alpaca's limit of requests is used up (429 on {what}).")
        error.retry_after_sec = _retry_after(response.headers)
    else:
        error = BrokerFailed(f"Alpaca answered {what} with {status}.")
        error.retry_after_sec = _retry_after(response.headers)
    raise error


def _is_alpacas_own(body: bytes) -> bool:
    """Whether a 404 says that a thing does not exist, with code 40410000; some proxy's page says no such thing."""
    try:
        error = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(error, dict) and error.get("code") == 40410000


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until Alpaca wants to be asked again: ``Retry-After``, or ``X-RateLimit-Reset`` (epoch seconds)."""
    for name, since in (("Retry-After", 0.0), ("X-RateLimit-Reset", time.time())):
        try:
            wait = float(headers[name]) - since
        except (KeyError, ValueError):
            continue
        if wait == wait:  # a NaN is not
            return min(max(wait, 0.0), MAX_RETRY_AFTER_SEC)
    return None


class _Adapter(HTTPAdapter):
    """Knows its connections, so that a call that hangs in one can be ended from another thread: a server that sends
    its headers a byte at a time is stopped by no time-out."""

    def __init__(self) -> None:
        self._connections: list[Any] = []
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        connect = type(pool).ConnectionCls

        def keep(*args: Any, **kwargs: Any) -> Any:
            connection = connect(*args, **kwargs)
            self._connections.append(connection)
            return connection

        pool.ConnectionCls = keep
        return pool

    def hang_up(self) -> None:
        for connection in self._connections:
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
