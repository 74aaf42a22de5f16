"""State that survives, a server that starts, stops and starts again, and many threads at once."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.server import PortTaken, Server
from sandbox.store import StateFileError
from tests.support import ports
from tests.tools.sandbox.client import HEADERS, KEY, Http, until

ROOT = Path(__file__).parents[3]


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``python -m sandbox`` with these arguments; it is gone at the end."""
    command = [sys.executable, "-m", "sandbox", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def ready(running: subprocess.Popen[str]) -> Http:
    assert running.stdout is not None
    line = running.stdout.readline()
    assert line.startswith("The sandbox listens on http://"), line
    return Http(line.split()[-1])


def everything(http: Http) -> Any:
    return (
        http.get("/v2/account").json(),
        http.get("/v2/positions").json(),
        http.get("/v2/orders?status=all").json(),
        http.get("/sandbox/prices").json(),
        http.get("/sandbox/fills").json(),
    )


def test_accounts_positions_orders_and_prices_survive_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state.json"
    with Server(state=state, fill_delay_sec=0) as server:
        http = Http(server.url)
        http.put("/prices", {"AAPL": "33.33", "MSFT": "70"})
        http.order(qty="3")
        http.order(qty=None, notional="10")
        http.order(symbol="MSFT", side="sell", qty="2")
        http.order(type="limit", limit_price="1.5", client_order_id="rests")
        http.put(f"/accounts/{KEY}", {"trading_blocked": True, "positions_lag_sec": 0.5})
        http.put("/fills", {"hold": True})
        before = everything(http)
    with Server(state=state, fill_delay_sec=0) as server:
        http = Http(server.url)
        assert everything(http) == before
        assert http.get("/v2/account", headers={**HEADERS, "APCA-API-SECRET-KEY": "x"}).status_code == 403
        http.put(f"/accounts/{KEY}", {"trading_blocked": False})
        assert http.order(client_order_id="rests").json()["message"] == "client_order_id must be unique"
        http.put("/fills", {"hold": False})
        http.put("/prices", {"AAPL": "1"})
        assert http.get("/v2/orders").json() == [], "the order that rested fills after the restart"


def test_the_state_file_is_private_and_holds_no_secret(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with Server(state=state, fill_delay_sec=0) as server:
        Http(server.url).order()
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert HEADERS["APCA-API-SECRET-KEY"] not in state.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    arguments = ("--port", "0", "--state", str(tmp_path / "state.json"))
    with process(*arguments) as running:
        order = ready(running).order(qty="7").json()
        running.send_signal(signal.SIGKILL)
        running.wait(10)
    with process(*arguments) as running:
        http = ready(running)
        assert http.get(f"/v2/orders/{order['id']}").json()["status"] in ("new", "filled")
        until(lambda: http.get(f"/v2/orders/{order['id']}").json()["status"] == "filled")
        assert http.get("/v2/positions/AAPL").json()["qty"] == "7"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"version": 2}',
        b'{"version": 3}',
        b"\xff",
        b'{"version": 1, "accounts": {"k": {}}}',
    ],
)
def test_a_damaged_state_file_is_named_in_one_sentence_and_left_alone(tmp_path: Path, content: bytes) -> None:
    state = tmp_path / "state.json"
    state.write_bytes(content)
    with pytest.raises(StateFileError, match=r"^The state file .*state\.json is damaged"):
        Server(state=state)
    assert state.read_bytes() == content


def test_a_damaged_account_in_the_state_file_is_found(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with Server(state=state, fill_delay_sec=0) as server:
        Http(server.url).order()
    good = json.loads(state.read_text())
    for field, value in [
        ("cash", "lots"),
        ("positions", [["AAPL"]]),
        ("orders", [{"id": "x"}]),
        ("flags", 1),
    ]:
        bad = json.loads(json.dumps(good))
        bad["accounts"][KEY][field] = value
        state.write_text(json.dumps(bad))
        with pytest.raises(StateFileError):
            Server(state=state)


def test_a_damaged_state_file_ends_the_program_with_status_2(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("{")
    with process("--port", "0", "--state", str(state)) as running:
        out, err = running.communicate(timeout=20)
    assert (running.returncode, out) == (2, "")
    assert err.count("\n") == 1
    assert str(state) in err


def test_a_port_that_is_taken_ends_the_program_with_status_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with process("--port", str(port)) as running:
            out, err = running.communicate(timeout=20)
        assert (running.returncode, out) == (2, "")
        assert err == f"Port {port} of 127.0.0.1 is taken: another program listens there.\n"
        with pytest.raises(PortTaken, match=str(port)):
            Server(port=port).start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_cleanly_and_quietly_even_while_a_fault_waits(
    number: signal.Signals,
) -> None:
    with process("--port", "0") as running:
        http = ready(running)
        assert http.get("/v2/account").headers["X-RateLimit-Limit"] == "200"
        http.faults({"kind": "timeout"})
        with pytest.raises(requests.ReadTimeout):
            http.get("/v2/account", timeout=0.05)
        running.send_signal(number)
        out, err = running.communicate(timeout=10)
    assert (running.returncode, out, err) == (0, "", "")


def test_a_server_starts_again_on_its_port_with_what_it_had() -> None:
    with Server(fill_delay_sec=0) as server:
        http, url = Http(server.url), server.url
        http.order()
        for _ in range(3):
            server.stop()
            with pytest.raises(requests.ConnectionError):
                http.get("/healthz")
            server.start()
            assert server.url == url
            assert len(http.get("/v2/positions").json()) == 1


def test_a_server_takes_the_port_it_is_given_and_starts_once() -> None:
    port = ports.free()
    with Server(port=port) as server:
        assert server.url == f"http://127.0.0.1:{port}"
        with pytest.raises(RuntimeError):
            server.start()
        assert requests.get(f"{server.url}/healthz", timeout=15).json() == {"status": "ok"}
    server.stop()


def test_a_client_that_says_nothing_delays_neither_others_nor_the_stop() -> None:
    with Server() as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))):
            assert Http(server.url).get("/v2/account").status_code == 200
            server.stop()


def test_the_sandbox_leaves_no_descriptor_behind() -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    with Server() as server:
        Http(server.url).get("/v2/account")
    before = descriptors()
    for _ in range(5):
        with Server() as server:
            Http(server.url).get("/v2/account")
    until(lambda: descriptors() <= before)


@pytest.fixture
def _impatient_threads() -> Iterator[None]:
    """Threads that are switched after a microsecond meet one another in the middle of everything."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_impatient_threads")
def test_orders_of_twenty_threads_leave_an_exact_position(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with Server(state=state, fill_delay_sec=0) as server:
        http = Http(server.url)
        http.put("/prices", {"AAPL": "1.01"})

        def trade(thread: int) -> list[int]:
            return [
                http.order(qty=str(n % 3 + 1), client_order_id=f"{thread}-{n}").status_code for n in range(15)
            ]

        with ThreadPoolExecutor(20) as pool:
            statuses = [status for each in pool.map(trade, range(20)) for status in each]
        assert statuses == [200] * 300
        bought = 20 * sum(n % 3 + 1 for n in range(15))
        assert http.get("/v2/positions/AAPL").json()["qty"] == str(bought)
        assert http.get("/v2/account").json()["cash"] == str(round(100_000 - bought * 1.01, 2)).removesuffix(
            ".0"
        )
        assert len(http.get("/v2/orders?status=closed&limit=500").json()) == 300
        after = everything(http)
    with Server(state=state, fill_delay_sec=0) as server:
        assert everything(Http(server.url)) == after


@pytest.mark.usefixtures("_impatient_threads")
def test_one_client_order_id_makes_one_order_however_many_threads_send_it(http: Http) -> None:
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: http.order(client_order_id="once").status_code, range(20)))
    assert sorted(statuses) == [200] + [422] * 19
    assert http.get("/v2/positions/AAPL").json()["qty"] == "1"
