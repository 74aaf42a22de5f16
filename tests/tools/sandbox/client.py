"""What the tests of the sandbox drive it with: plain HTTP and the control API."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

KEY, SECRET = "PKTEST", "the-secret"
HEADERS = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}


@dataclass
class Http:
    """Plain HTTP to one sandbox, as the key pair of the tests."""

    url: str

    def __call__(self, method: str, path: str, *, timeout: float = 5, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("headers", HEADERS)
        return requests.request(method, self.url + path, timeout=timeout, **kwargs)

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return self("GET", path, **kwargs)

    def order(self, **fields: Any) -> requests.Response:
        """Place an order: a market buy of one AAPL unless the fields say otherwise; None leaves one out."""
        body = {
            "symbol": "AAPL",
            "qty": "1",
            "side": "buy",
            "type": "market",
            "time_in_force": "day",
            **fields,
        }
        return self("POST", "/v2/orders", json={k: v for k, v in body.items() if v is not None})

    def seen(self, order: dict[str, Any]) -> dict[str, Any]:
        """The order as it is now."""
        row: dict[str, Any] = self.get(f"/v2/orders/{order['id']}").json()
        return row

    def fills(self, query: str = "") -> list[dict[str, Any]]:
        """A page of fills, as the account's activities list them."""
        response = self.get(f"/v2/account/activities/FILL?{query}")
        assert response.ok, response.text
        rows: list[dict[str, Any]] = response.json()
        return rows

    def pull(self, path: str, **body: Any) -> Any:
        """Pull a string that acts, in the account of the tests unless the path leads elsewhere."""
        where = path if path.startswith("/") else f"/accounts/{KEY}/{path}"
        response = self("POST", f"/sandbox{where}", json=body)
        assert response.ok, response.text
        return response.json()

    def act(self, order: dict[str, Any], action: str, **body: Any) -> dict[str, Any]:
        """Do something to an order behind the scenes."""
        row: dict[str, Any] = self.pull(f"orders/{order['id']}/{action}", **body)
        return row

    def put(self, path: str, body: Any) -> Any:
        """Pull a string of the control API."""
        response = self("PUT", f"/sandbox{path}", json=body, timeout=30)
        assert response.ok, response.text
        return response.json()

    def faults(self, *rules: dict[str, Any]) -> None:
        self.put("/faults", list(rules))

    def positions(self, **quantities: int | str) -> None:
        """Hold exactly these positions, entered at 100 dollars."""
        self.put(
            f"/accounts/{KEY}/positions",
            [{"symbol": s, "qty": str(q), "avg_entry_price": "100"} for s, q in quantities.items()],
        )


def until(condition: Callable[[], bool], run_with_timeout: float = 15) -> None:
    """Wait for a condition to come true."""
    deadline = time.monotonic() + run_with_timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)
