"""The simulated Alpaca beside the stack, with one account for each mode."""

from __future__ import annotations

from typing import Any

from sandbox.server import Server
from sandbox.venue import FILL_DELAY_SEC
from tests.support import ports

#: API key and secret of each mode's account.
KEYS = {
    "paper": ("PKPAPERTESTS", "paper-secret-of-the-tests"),
    "live": ("AKLIVETESTS", "live-secret-of-the-tests"),
}


class Broker:
    """Runs in a thread of the tests. ``stop`` refuses connections, ``start`` serves again under the same address."""

    def __init__(self) -> None:
        self._server = Server(port=ports.free())
        self._running = False

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def is_idle(self) -> bool:
        """Whether no call is being served."""
        return self._server.app.wire.idle(0)

    def start(self) -> None:
        if not self._running:
            self._server.start()
            self._running = True

    def stop(self) -> None:
        if self._running:
            self._server.stop()
            self._running = False

    def faults(self, *rules: dict[str, Any]) -> None:
        """Put these faults in force in place of all others; none at all heals. Each is a rule as in
        ``{"kind": "500", "path": "/v2/positions", "key": …}``."""
        self.control("PUT", "/faults", list(rules))

    def heal(self) -> None:
        self.faults()

    def renew(self) -> None:
        """As before anybody traded: no faults, no halts, an open market, and accounts of the same ids without a past.

        A fill that a test left behind would count as an exit of what the next test enters in the same symbol.
        """
        self.heal()
        self.control("PUT", "/halts", [])
        self.control("PUT", "/fills", {"hold": False, "delay_sec": FILL_DELAY_SEC})
        self.control("PUT", "/clock", {"is_open": True})
        for mode in KEYS:
            self.control("DELETE", f"/accounts/{KEYS[mode][0]}")
            self.account(mode)

    def positions(self, mode: str = "paper", **quantities: int | str) -> None:
        """Let the account of *mode* hold exactly these."""
        rows = [{"symbol": s, "qty": str(q), "avg_entry_price": "10"} for s, q in quantities.items()]
        self.control("PUT", f"/accounts/{KEYS[mode][0]}/positions", rows)

    def account(self, mode: str = "paper", **changes: Any) -> dict[str, Any]:
        """The account, after these changes: ``id``, ``trading_blocked`` and so on."""
        row: dict[str, Any] = self.control("PUT", f"/accounts/{KEYS[mode][0]}", changes)
        return row

    def order(self, order_id: str, mode: str = "paper", **fields: Any) -> None:
        """Put an order there: symbol, side, qty, status."""
        self.control("PUT", f"/accounts/{KEYS[mode][0]}/orders/{order_id}", fields)

    def calls(self) -> list[dict[str, Any]]:
        """The calls that arrived since ``forget``."""
        rows: list[dict[str, Any]] = self.control("GET", "/requests")
        return rows

    def forget(self) -> None:
        self.control("DELETE", "/requests")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return control(self._server, method, path, body)


def control(server: Server, method: str, path: str, body: Any = None) -> Any:
    """Pull a string behind the scenes of *server*: the JSON of the answer, if there is any.

    Past the network, which is for the system alone: a fault would strike there, and it takes its time. A client of its own
    for each call, so threads may call. An answer that is not closed counts as a call that is still served: the sandbox would
    wait for it when it stops.
    """
    with server.app.test_client().open(f"/sandbox{path}", method=method, json=body) as response:
        assert response.status_code < 300, response.get_data(as_text=True)
        return response.json if response.data else None
