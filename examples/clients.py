"""The broker, as a trading program talks to it. Pitboss itself is talked to with `client`."""

import time
from decimal import Decimal
from typing import Any

import requests

#: To connect and to read, in seconds.
TIMEOUT_SEC = (2, 5)
#: How long to wait before an order is asked for again.
POLL_SEC = 0.2
#: An order of one of these statuses will not fill any more. One that was replaced goes on in its successor.
FINISHED = {"filled", "canceled", "expired", "rejected"}
#: Decimal places of a price, at most.
PLACES = 9

Row = dict[str, Any]


def plain(number: Decimal | float) -> str:
    """Every digit of it, and no exponent: neither service takes one, and ``:g`` would round to six digits."""
    return f"{Decimal(str(number)).normalize():f}"


class Broker:
    """The part of Alpaca's API that it takes to buy and to sell."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self._url, self._http = f"{url}/v2", requests.Session()
        self._http.headers.update({"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret})

    def prices(self) -> dict[str, str]:
        """The present price of each symbol that is held."""
        return {row["symbol"]: row["current_price"] for row in self._call("GET", "/positions")}

    def held(self, symbol: str) -> Decimal:
        """The shares of a symbol that the account holds; negative is short."""
        position: Row | None = self._call("GET", f"/positions/{symbol}")
        return Decimal(position["qty"]) if position else Decimal(0)

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
        """The order when it is finished: filled, or canceled because it did not fill in time.

        Someone may replace it meanwhile, in the broker's dashboard for one: it then goes on in its successor. What has
        filled of all of them is added up; id and name stay those of the first, under which it is in the books.
        """
        chain, deadline = [order], time.monotonic() + patience_sec
        while (last := chain[-1])["status"] not in FINISHED:
            if last["replaced_by"]:
                chain.append(self._order(last["replaced_by"]))
                continue
            time.sleep(POLL_SEC)
            late = time.monotonic() > deadline
            if late and last["status"] == "replaced":
                raise requests.RequestException(f"order {last['id']} was replaced, by what is not said")
            if late:
                self._cancel(last)
            chain[-1] = self._order(last["id"])
        return _together(chain)

    def _order(self, order_id: str) -> Row:
        found: Row | None = self._call("GET", f"/orders/{order_id}")
        if found is None:
            raise requests.RequestException(f"the broker does not know its own order {order_id}")
        return found

    def _cancel(self, order: Row) -> None:
        try:
            self._call("DELETE", f"/orders/{order['id']}")
        except requests.HTTPError as refusal:
            if refusal.response.status_code != 422:  # it has ended, or was replaced, in between
                raise

    def _call(self, method: str, path: str, **options: Any) -> Any:
        answer = self._http.request(method, self._url + path, timeout=TIMEOUT_SEC, **options)
        if answer.status_code == 404 and answer.json().get("code") == 40410000:
            return None  # the broker itself says that there is no such thing; any other failure says nothing
        answer.raise_for_status()
        return answer.json() if answer.content else None


def _together(chain: list[Row]) -> Row:
    """The first order with the fills of all."""
    filled = sum((Decimal(order["filled_qty"]) for order in chain), Decimal(0))
    if len(chain) == 1 or not filled:
        return {**chain[0], "status": chain[-1]["status"]}
    parts = [order for order in chain if Decimal(order["filled_qty"])]
    value = sum(Decimal(order["filled_qty"]) * Decimal(order["filled_avg_price"]) for order in parts)
    return {
        **chain[0],
        "status": chain[-1]["status"],
        "filled_qty": plain(filled),
        "filled_avg_price": plain(round(value / filled, PLACES)),
        "filled_at": parts[-1]["filled_at"],
    }
