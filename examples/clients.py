"""The two services that a trading program talks to: Pitboss for leave and for the books, the broker for the trades."""

import time
import uuid
from decimal import Decimal
from typing import Any

import requests

#: To connect and to read, in seconds.
TIMEOUT_SEC = (2, 5)
#: An order of one of these statuses will not fill any more.
FINISHED = {"filled", "canceled", "expired", "rejected", "replaced"}

Row = dict[str, Any]


def plain(number: Decimal | float) -> str:
    """Every digit of it, and no exponent: neither service takes one, and ``:g`` would round to six digits."""
    return f"{Decimal(str(number)).normalize():f}"


class Pitboss:
    """What it refuses is a requests.HTTPError; what was not heard is asked again under the same key."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._http = f"{url}/api/bot", requests.Session()
        self._http.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: str) -> Row:
        return self._call("GET", path, params=query)

    def post(self, path: str, **body: Any) -> Row:
        said = {name: value for name, value in body.items() if value is not None}
        return self._call("POST", path, json=said, headers={"Idempotency-Key": str(uuid.uuid4())})

    def _call(self, method: str, path: str, **options: Any) -> Row:
        for pause_sec in (0.5, 1.0):
            try:
                return self._once(method, path, **options)
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(pause_sec)
            except requests.HTTPError as refusal:
                if refusal.response.status_code != 503:  # not now, rather than no
                    raise
                time.sleep(pause_sec)
        return self._once(method, path, **options)

    def _once(self, method: str, path: str, **options: Any) -> Row:
        answer = self._http.request(method, self._url + path, timeout=TIMEOUT_SEC, **options)
        answer.raise_for_status()
        found: Row = answer.json()
        return found


class Broker:
    """The part of Alpaca's API that it takes to buy and to sell."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self._url, self._http = f"{url}/v2", requests.Session()
        self._http.headers.update({"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret})

    def prices(self) -> dict[str, str]:
        """The present price of each symbol that is held."""
        return {row["symbol"]: row["current_price"] for row in self._call("GET", "/positions")}

    def find(self, name: str) -> Row | None:
        """The order that was sent under this name (Alpaca's client order id), or None if there is none."""
        found: Row | None = self._call("GET", "/orders:by_client_order_id", params={"client_order_id": name})
        return found

    def send(self, name: str, symbol: str, shares: Decimal | float, side: str, **kind: str) -> Row:
        """Send an order. The broker takes one of a name, so that sending it twice buys once."""
        order = {"symbol": symbol, "qty": plain(shares), "side": side, "time_in_force": "day", **kind}
        sent: Row = self._call("POST", "/orders", json={**order, "client_order_id": name})
        return sent

    def finish(self, order: Row, patience_sec: float) -> Row:
        """The order when it is finished: filled, or canceled because it did not fill in time."""
        deadline = time.monotonic() + patience_sec
        while order["status"] not in FINISHED:
            time.sleep(0.2)
            if time.monotonic() > deadline:
                self._call("DELETE", f"/orders/{order['id']}")
            order = self._call("GET", f"/orders/{order['id']}")
        return order

    def _call(self, method: str, path: str, **options: Any) -> Any:
        answer = self._http.request(method, self._url + path, timeout=TIMEOUT_SEC, **options)
        if answer.status_code == 404 and answer.json().get("code") == 40410000:
            return None  # the broker itself says that there is no such thing; any other failure says nothing
        answer.raise_for_status()
        return answer.json() if answer.content else None
