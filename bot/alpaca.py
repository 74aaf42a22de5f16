"""The one place that knows Alpaca: its addresses, keys, time-outs and dialect.

Every answer is either understood completely or raised as a BrokerError: a call that failed never reads as "nothing".
Facts about the API are from Alpaca's Trading API reference (docs.alpaca.markets).
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

import requests
import urllib3

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
from bot.settings import AlpacaAccess

CONNECT_TIMEOUT_SEC = 2.0
READ_TIMEOUT_SEC = 4.0
#: An answer larger than this is not read to its end, in bytes.
MAX_BODY = 256 * 1024 * 1024
#: A server's word about when to come back is believed up to this many seconds.
MAX_RETRY_AFTER_SEC = 60.0

#: Statuses of an order that may still fill.
WORKING = frozenset(
    {
        "new",
        "accepted",
        "pending_new",
        "partially_filled",
        "held",
        "accepted_for_bidding",
        "pending_replace",
        "pending_cancel",
        "calculated",
        "stopped",
        "done_for_day",
    }
)
#: Up to this many orders are asked for one by one; more are looked up in the list of open orders, since an account
#: has 200 requests a minute.
ORDERS_ONE_BY_ONE = 20
#: The most orders that one page of the list holds.
ORDERS_PAGE = 500


@dataclass(frozen=True)
class Account:
    """What Pitboss needs to know of an account."""

    id: str
    #: Names of the flags by which Alpaca keeps the account from trading.
    blocks: tuple[str, ...]


class Alpaca:
    """One account of Alpaca, for as long as *budget_sec* seconds from its making: no call outlasts that.

    Every method raises BrokerError when the answer is not known for certain.
    """

    def __init__(self, access: AlpacaAccess, *, budget_sec: float = 10.0) -> None:
        self._access = access
        self._deadline = time.monotonic() + budget_sec
        self._http = requests.Session()
        self._http.headers.update(
            {"APCA-API-KEY-ID": access.key, "APCA-API-SECRET-KEY": access.secret.get_secret_value()}
        )

    def account(self) -> Account:
        """Identity and blocks of the account."""
        row = self._get("/v2/account")
        if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not row["id"]:
            raise BrokerGarbled("Alpaca's answer about the account has no id.")
        flags = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
        return Account(id=row["id"], blocks=tuple(flag for flag in flags if row.get(flag)))

    def positions(self) -> dict[str, Decimal]:
        """Shares held of each symbol; short positions are negative."""
        rows = self._get("/v2/positions")
        if not isinstance(rows, list):
            raise BrokerGarbled("Alpaca's answer about the positions is not a list.")
        held: dict[str, Decimal] = {}
        for row in rows:
            symbol, shares = _position(row)
            if symbol in held:
                raise BrokerGarbled(f"Alpaca's answer names the position {symbol} twice.")
            held[symbol] = shares
        return held

    def working_orders(self, ids: Collection[str]) -> set[str]:
        """Those of the orders *ids* that may still fill. An order that Alpaca does not know is not working."""
        if len(ids) > ORDERS_ONE_BY_ONE:
            return self._open_orders() & set(ids)
        return {order_id for order_id in ids if self._is_working(order_id)}

    def _is_working(self, order_id: str) -> bool:
        try:
            order = self._get(f"/v2/orders/{quote(order_id, safe='')}")
        except BrokerNotFound:
            return False
        if not isinstance(order, dict) or not isinstance(order.get("status"), str):
            raise BrokerGarbled("Alpaca's answer about an order has no status.")
        return order["status"] in WORKING

    def _open_orders(self) -> set[str]:
        found: set[str] = set()
        params = {"status": "open", "limit": str(ORDERS_PAGE), "direction": "desc"}
        while True:
            page = self._get("/v2/orders", params)
            if not isinstance(page, list):
                raise BrokerGarbled("Alpaca's answer about the orders is not a list.")
            try:
                ids = {str(order["id"]) for order in page}
                oldest = min((str(order["submitted_at"]) for order in page), default="")
            except (TypeError, KeyError):
                raise BrokerGarbled("Alpaca's list of orders has a malformed row.") from None
            if len(page) < ORDERS_PAGE:
                return found | ids
            if not ids - found:
                raise BrokerGarbled("Alpaca's list of orders does not end.")
            found |= ids
            params["until"] = oldest

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        what = f"GET {path} ({self._access.mode})"
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
        try:
            return json.loads(body)
        except ValueError:
            raise BrokerGarbled(f"Alpaca's answer to {what} is not JSON.") from None

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


def _position(row: Any) -> tuple[str, Decimal]:
    try:
        symbol, quantity, side = row["symbol"], row["qty"], row.get("side")
        shares = Decimal(quantity)
    except (TypeError, KeyError, AttributeError, ValueError, InvalidOperation):
        raise BrokerGarbled("Alpaca's list of positions has a malformed row.") from None
    if not isinstance(symbol, str) or not symbol or not isinstance(quantity, str):
        raise BrokerGarbled("Alpaca's list of positions has a malformed row.")
    if not shares.is_finite() or shares == 0 or side not in ("long", "short", None):
        raise BrokerGarbled(f"Alpaca's row about the position {symbol} makes no sense.")
    return symbol, -abs(shares) if side == "short" else shares


def _check_status(response: requests.Response, body: bytes, what: str) -> None:
    status = response.status_code
    if status == 200:
        return
    error: BrokerError
    if status in (401, 403):
        error = BrokerUnauthorized(f"Alpaca refused the API keys with {status} on {what}.")
    elif status == 404:
        # a page of some proxy can be a 404 too: only Alpaca's own says that a thing does not exist
        known = b'"code"' in body and response.headers.get("Content-Type", "").startswith("application/json")
        error = (
            BrokerNotFound()
            if known
            else BrokerFailed(f"Alpaca answered {what} with a 404 that is not its own.")
        )
    elif status == 429:
        error = BrokerRateLimited(f"Alpaca's limit of requests is used up (429 on {what}).")
        error.retry_after_sec = _retry_after(response.headers)
    else:
        error = BrokerFailed(f"Alpaca answered {what} with {status}.")
        error.retry_after_sec = _retry_after(response.headers)
    raise error


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until Alpaca wants to be asked again: ``Retry-After``, or ``X-RateLimit-Reset`` (epoch seconds)."""
    try:
        if "Retry-After" in headers:
            wait = float(headers["Retry-After"])
        else:
            wait = float(headers["X-RateLimit-Reset"]) - time.time()
    except (KeyError, ValueError):
        return None
    return min(max(wait, 0.0), MAX_RETRY_AFTER_SEC) if wait == wait else None
