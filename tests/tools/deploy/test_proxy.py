"""The proxy's settings, run by a real Caddy before two real webs: a web that is killed or frozen costs no kill."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from launcher.reaper import Guard
from tests.support.client import Api
from tests.support.fixtures import StackFactory
from tests.support.ports import free as free_port
from tests.support.process import Process
from tests.support.stack import ROOT, Stack

WEBS = ("127.0.0.2", "127.0.0.3")
#: Of deploy/Caddyfile: how long a web may take to answer a kill, and how long one that did not is left alone, in seconds.
GIVES_UP_SEC, LEFT_ALONE_SEC = 4.0, 5.0


def installed() -> str:
    """The version counts: until 2.11.2 a request with a body was not sent again."""
    ours = str(Path(sys.executable).parent)
    if found := shutil.which("caddy", path=os.pathsep.join([ours, os.environ["PATH"]])):
        return found
    reason = "caddy is not installed (script/setup --dev brings it; Debian's is too old)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Names(threading.Thread):
    """Says where ``web`` is, as the engine's name server does for a scaled service."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                query, sender = self._socket.recvfrom(512)
            except OSError:
                return
            question = query[12 : query.index(b"\0", 12) + 5]
            found = WEBS if question[-4:-2] == b"\0\1" else ()  # addresses of IPv4 only
            head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, len(found), 0, 0)
            rows = b"".join(
                struct.pack(">HHHIH", 0xC00C, 1, 1, 1, 4) + socket.inet_aton(each) for each in found
            )
            self._socket.sendto(head + question + rows, sender)

    def close(self) -> None:
        self._socket.close()


class Site:
    """Two webs and the proxy before them."""

    def __init__(self, stack: Stack, caddy: str, names: Names, guard: Guard) -> None:
        self.stack = stack
        web_port, self.port = free_port(), free_port()
        self.webs = {
            host: Process(
                f"web-{host}",
                stack._gunicorn,
                env=stack.env({"HOST": host, "PORT": str(web_port), "TRUSTED_PROXIES": "1"}),
                cwd=ROOT,
                log=stack.directory / f"web-{host}.log",
                guard=guard,
            )
            for host in WEBS
        }
        self._web_port = web_port
        text = (ROOT / "deploy" / "Caddyfile").read_text()
        # all that is changed is where it stands in the network, and how long it waits for a body: much longer than a test does
        for was, now in {
            "dynamic a web 8000 {": f"dynamic a web {web_port} {{\n\t\tresolvers 127.0.0.1:{names.port}",
            "http://:8000 {": f"http://127.0.0.1:{self.port} {{",
            "http://:8001 {": f"http://127.0.0.1:{free_port()} {{",
            "localhost:8002": f"localhost:{free_port()}",
            "read_body 10s": "read_body 60s",
        }.items():
            assert text.count(was) == 1, was
            text = text.replace(was, now)
        file = stack.directory / "Caddyfile"
        file.write_text(text)
        home = {"HOME": str(stack.directory), "XDG_DATA_HOME": str(stack.directory)}
        command = [caddy, "run", "--adapter", "caddyfile", "--config", str(file)]
        self.proxy = Process(
            "caddy", command, env=home, cwd=stack.directory, log=stack.directory / "caddy.log", guard=guard
        )

    def start(self) -> None:
        for host, web in self.webs.items():
            web.thaw() if web.running else web.start()
            self.stack.wait_for(lambda host=host: self._answers(host), 30, f"{host} answers")  # type: ignore[misc]
        if not self.proxy.running:
            self.proxy.start()
        self.stack.wait_for(lambda: self._answers("127.0.0.1", self.port), 30, "the proxy answers")

    def _answers(self, host: str, port: int | None = None) -> bool:
        return requests.get(f"http://{host}:{port or self._web_port}/healthz", timeout=2).status_code == 200

    @property
    def api(self) -> Api:
        return Api(f"http://127.0.0.1:{self.port}", self.stack.api()._token)

    def close(self) -> None:
        for process in (self.proxy, *self.webs.values()):
            process.close()


@pytest.fixture(scope="module")
def _site(make_module_stack: StackFactory, guard: Guard) -> Iterator[Site]:
    caddy = installed()
    names = Names()
    names.start()
    stack = make_module_stack()
    site = Site(stack, caddy, names, guard)
    try:
        yield site
    finally:
        site.close()
        names.close()


@pytest.fixture
def site(_site: Site) -> Site:
    _site.start()
    return _site


def test_the_settings_are_right_with_and_without_a_name(tmp_path: Path) -> None:
    caddy = installed()
    for name in ({}, {"PITBOSS_SITE": "pitboss.example.com"}):
        command = [caddy, "adapt", "--adapter", "caddyfile", "--config", str(ROOT / "deploy" / "Caddyfile")]
        done = subprocess.run(command, env={"HOME": str(tmp_path), **name}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert '":8000"' in done.stdout, "the plain site on loopback is always there"


def test_a_kill_passes_clients_that_send_half_a_body(site: Site) -> None:
    half = (
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 50\r\n\r\ntoken="
    )
    with ExitStack() as clients:
        for _ in range(300):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", site.port), timeout=30))
            client.sendall(half)
        began = time.monotonic()
        answer = site.api.post("/kill", {"reason": "beside slow clients"})
        assert (answer.status_code, answer.json()["state"]) == (200, "stopped"), answer.text
        assert time.monotonic() - began < 30, "it would wait for as long as a body may take"


def test_a_frozen_web_costs_no_kill(site: Site) -> None:
    site.webs[WEBS[0]].freeze()
    for number in range(6):
        answer = site.api.post("/kill", {"reason": f"number {number}"}, timeout=15)
        assert (answer.status_code, answer.json()["state"]) == (200, "stopped"), answer.text


def test_a_frozen_web_is_found_once_and_then_left_alone(site: Site) -> None:
    site.webs[WEBS[0]].freeze()
    times = []
    for _ in range(12):
        began = time.monotonic()
        site.api.post("/kill", {"reason": "again"})
        times.append(time.monotonic() - began)
    found = [each for each in times if each >= GIVES_UP_SEC]
    # it is tried once more whenever it was left alone for so long, which is longer than twelve answers take
    tried_again = (sum(times) - sum(found)) // LEFT_ALONE_SEC
    assert len(found) <= 1 + tried_again, times


@pytest.mark.parametrize("key", [None, "a-key-of-the-tests"])
def test_a_kill_with_a_reason_is_answered_though_a_web_is_killed_meanwhile(
    site: Site, key: str | None
) -> None:
    headers = {"Idempotency-Key": key} if key else {}
    answers: list[tuple[int, str]] = []
    stop = threading.Event()

    def kill_bot() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            given = {name: f"{value}-{number}" for name, value in headers.items()}
            answer = site.api.post("/kill", {"reason": "with a body"}, headers=given)
            answers.append((answer.status_code, answer.text))

    clients = [threading.Thread(target=kill_bot) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        for web in site.webs.values():
            before = len(answers)
            site.stack.wait_for(lambda before=before: len(answers) > before + 5, 20, "kills are answered")  # type: ignore[misc]
            web.kill()
            before = len(answers)
            site.stack.wait_for(lambda before=before: len(answers) > before + 10, 20, "kills are answered")  # type: ignore[misc]
            site.start()
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert {code for code, _ in answers} == {200}, [each for each in answers if each[0] != 200][:3]
