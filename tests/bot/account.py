"""One account at the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sandbox.server import Server
from tests.support.broker import control


class Account:
    """One account at the sandbox: what its owner, and the string-puller behind the scenes, can do with it."""

    def __init__(self, server: Server, key: str) -> None:
        self.url = server.url
        self.key = key
        self._server = server

    def holds(self, **positions: Any) -> None:
        """Hold exactly these positions, each entered at 10 dollars."""
        self.holds_all(positions)

    def holds_all(self, positions: Mapping[str, Any]) -> None:
        """The same, for symbols that are no names in Python."""
        rows = [{"symbol": s, "qty": str(q), "avg_entry_price": "10"} for s, q in positions.items()]
        self.control("PUT", f"/accounts/{self.key}/positions", rows)

    def is_(self, **state: Any) -> dict[str, Any]:
        """Change the account itself: id, trading_blocked and so on."""
        row: dict[str, Any] = self.control("PUT", f"/accounts/{self.key}", state)
        return row

    def order(self, status: str, symbol: str, qty: Any = 10, *, side: str = "buy", **fields: Any) -> str:
        """Put an order there, and return its id."""
        order_id = str(fields.pop("id", None) or uuid4())
        body = {"symbol": symbol, "side": side, "qty": str(qty), "status": status, **fields}
        self.control("PUT", f"/accounts/{self.key}/orders/{order_id}", body)
        return order_id

    def fails(self, *rules: Mapping[str, Any]) -> None:
        """Put these faults in place of all others; each strikes this account only."""
        self.control("PUT", "/faults", [{"key": self.key, **rule} for rule in rules])

    def calls(self) -> list[str]:
        """The paths that were asked for with this key, oldest first."""
        rows = self.control("GET", f"/requests?key={self.key}")
        return [row["path"] for row in rows]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return control(self._server, method, path, body)
