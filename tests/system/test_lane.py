"""Kill, stop and pause have a lane of their own: what others do, with or without a token, takes neither its threads nor its
connections, and no backlog its time. (How long a kill takes beside each is measured by the bench.)"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest
import requests

from tests.support.client import TOKENS
from tests.support.messages import Messages
from tests.support.stack import Stack
from web.commands.dispatch import MOST_OF_ONE

#: Web processes, and all their ordinary threads.
PROCESSES = 2
THREADS = PROCESSES * 64
HALF_A_BODY = (
    b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 50\r\n\r\ntoken="
)


@contextmanager
def asked(stack: Stack, request: bytes, count: int) -> Iterator[list[socket.socket]]:
    """So many clients that have sent *request*."""
    with ExitStack() as clients:
        opened = []
        for _ in range(count):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", stack.port), timeout=30))
            client.sendall(request)
            opened.append(client)
        yield opened


def composed(method: str, path: str, *headers: str) -> bytes:
    """A request of another operator than the one who kills."""
    lines = [
        f"{method} /api/bot{path} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {TOKENS['operator2']}",
        *headers,
    ]
    return ("\r\n".join([*lines, "Content-Length: 0"]) + "\r\n\r\n").encode()


def kills(stack: Stack) -> None:
    """A kill is applied."""
    response = stack.api().request("POST", "/kill")
    assert response.status_code == 200, response.text


def unanswered(clients: list[socket.socket]) -> int:
    """So many of them have no answer yet."""
    poll = select.poll()
    for client in clients:
        poll.register(client, select.POLLIN)
    return len(clients) - len(poll.poll(0))


def test_a_kill_passes_half_requests_that_need_no_token(stack: Stack):
    def passes() -> bool:
        """Whether it is applied before the time of the first of them is up, which would make room for it."""
        with asked(stack, HALF_A_BODY, 300) as clients:
            kills(stack)
            return unanswered(clients) == len(clients)

    stack.wait_for(passes, 60, "a kill passes them all")


@pytest.mark.parametrize("path", ["stop", "pause"])
def test_a_stop_or_a_pause_passes_them_too(stack: Stack, path: str):
    stack.api().do("/start")
    with asked(stack, HALF_A_BODY, 300):
        assert stack.api().request("POST", f"/{path}", headers={"Prefer": "wait=10"}).status_code == 200


def test_a_kill_passes_requests_that_wait_for_a_frozen_worker(stack: Stack):
    stack.worker.freeze()

    def passes() -> bool:
        """Whether it is applied before the first of those that wait stops waiting."""
        with asked(stack, composed("POST", "/reconcile", "Prefer: wait=10"), 160) as clients:
            most = PROCESSES * MOST_OF_ONE
            stack.wait_for(lambda: unanswered(clients) <= most, 20, "the others are told not to wait")
            waiting = unanswered(clients)
            kills(stack)
            return unanswered(clients) == waiting > 0

    stack.wait_for(passes, 60, "a kill passes those that wait")
    go_on(stack)


def go_on(stack: Stack) -> None:
    """Let the worker finish what is pending."""
    stack.worker.thaw()
    stack.wait_for(lambda: stack.status()["pendingCommands"] == 0, 20, "nothing is pending")


def test_one_actor_lets_only_so_many_requests_wait_and_the_others_are_answered_at_once(stack: Stack):
    stack.worker.freeze()
    wait = composed("POST", "/reconcile", "Prefer: wait=10")
    with asked(stack, wait, PROCESSES * MOST_OF_ONE + 10) as clients:
        stack.wait_for(lambda: unanswered(clients) <= PROCESSES * MOST_OF_ONE, 20, "ten are answered")
        go_on(stack)
        answers = [client.recv(4096)[:12] for client in clients]
    assert answers.count(b"HTTP/1.1 202") >= 10
    assert answers.count(b"HTTP/1.1 200") >= 1, "the others waited for the worker"


def test_a_kill_is_judged_alone_beside_a_backlog(fresh_stack: Stack):
    # a system of its own: no list of the others' has to go through these rows
    fresh_stack.worker.freeze()
    fresh_stack.sql(
        "INSERT INTO bot_command (id, kind, actor, source)"
        " SELECT gen_random_uuid(), 'reconcile', 'x', 'api' FROM generate_series(1, 40000)"
    )
    kills(fresh_stack)
    response = fresh_stack.api().request("POST", "/rearm")
    assert (response.status_code, response.json()["code"]) == (429, "too_many_pending")
    assert response.headers["Retry-After"] == "1"
    assert fresh_stack.api().request("POST", "/stop").status_code == 400
    fresh_stack.sql("UPDATE bot_command SET status = 'rejected', finished_at = now() WHERE status = 'queued'")
    fresh_stack.worker.thaw()


def test_a_list_that_cannot_be_had_in_time_is_given_up_and_says_so(stack: Stack):
    with closing(stack.tables.connect()) as connection:
        connection.cursor().execute("LOCK TABLE bot_trade IN ACCESS EXCLUSIVE MODE")
        response = stack.api("viewer").request("GET", "/trades")
        assert response.status_code == 503, response.text
        assert response.headers["Retry-After"]
        kills(stack)


def test_more_lists_than_are_read_at_once_are_put_off_and_a_kill_is_not(stack: Stack):
    with closing(stack.tables.connect()) as connection:
        connection.cursor().execute("LOCK TABLE bot_reconciliation IN ACCESS EXCLUSIVE MODE")
        with asked(stack, composed("GET", "/reconciliations"), 60) as readers:
            kills(stack)
            answers = [reader.recv(4096) for reader in readers]
    assert any(b"lists_busy" in answer for answer in answers)
    assert all(answer.startswith(b"HTTP/1.1 503") for answer in answers)


def test_one_actor_cannot_open_all_event_streams(stack: Stack):
    stream = composed("GET", "/events")
    viewer = stream.replace(TOKENS["operator2"].encode(), TOKENS["viewer"].encode())
    with asked(stack, viewer, 700) as streams:
        answers = [client.recv(4096) for client in streams]
        assert any(b"too_many_streams" in answer for answer in answers)
        with asked(stack, stream, 1) as [operator]:
            assert operator.recv(4096).startswith(b"HTTP/1.1 200")
        kills(stack)


def test_a_manual_kill_passes_manual_reconciliations_at_a_slow_broker(stack: Stack):
    messages = Messages(stack.redis.url)
    stack.broker.faults({"kind": "slow", "seconds": 4})
    reconciles = [messages.send("reconcile") for _ in range(5)]
    stack.wait_for(lambda: stack.broker.calls(), 10, "the broker is asked")
    kill = stack.wait_finished(messages.send("kill"))
    assert kill["status"] == "applied"
    stack.broker.faults()
    finished = [stack.wait_finished(reconcile, 60) for reconcile in reconciles]
    assert {row["status"] for row in finished} == {"applied"}
    assert max(row["finished_at"] for row in finished) > kill["finished_at"], (
        "it came after all that were sent before it"
    )


def test_what_makes_the_bot_safer_is_read_before_what_was_sent_earlier(stack: Stack):
    stack.worker.freeze()
    messages = Messages(stack.redis.url)
    for _ in range(100):
        messages.send("update_config", maxConcurrentPositions=3)
    kill = messages.send("kill")
    stack.worker.thaw()
    row = stack.wait_finished(kill, 20)
    after = "SELECT 1 FROM bot_command WHERE kind = 'update_config' AND source = 'celery' AND seq > %s"
    # the worker may have had one or two in its hand
    stack.wait_for(lambda: len(stack.sql(after, [row["seq"]])) >= 95, 30, "the others come after it")


def test_a_kill_says_what_stays_open(stack: Stack):
    stack.open_trade("AAPL", 10)
    stack.sql(
        "INSERT INTO bot_trade (symbol, entry_price, shares, filled, mode, alpaca_order_id)"
        " VALUES ('MSFT', 10, 5, false, 'paper', 'order-1')"
    )
    answer = requests.post(
        f"{stack.url}/api/bot/kill", headers={"Authorization": f"Bearer {TOKENS['operator']}"}, timeout=10
    ).json()
    assert {"symbol": "AAPL", "shares": 10} in answer["staysOpen"]["positions"]
    assert {"orderId": "order-1", "symbol": "MSFT", "shares": 5} in answer["staysOpen"]["workingOrders"]


def test_a_kill_without_room_for_its_row_says_that_nothing_is_flattened_yet(stack: Stack):
    stack.sql(
        "CREATE FUNCTION zz_full() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'there is no room' USING ERRCODE = '53100'; END $$;"
        "CREATE TRIGGER zz_full BEFORE INSERT ON bot_command FOR EACH ROW EXECUTE FUNCTION zz_full()"
    )
    try:
        plain, flattening = (stack.api().do("/kill", {"flatten": flatten}) for flatten in (False, True))
        assert stack.status()["flatten"] == "none"
    finally:
        stack.sql("DROP TRIGGER zz_full ON bot_command; DROP FUNCTION zz_full()")
    assert "no room for the command's row" in plain["warning"]
    assert "flattened" not in plain["warning"]
    assert "Nothing is flattened before that" in flattening["warning"]
    stack.wait_for(lambda: stack.status()["flatten"] == "flat", 20, "it is flattened when there is room")


def test_the_log_says_from_where_a_command_came(stack: Stack):
    stack.api().do("/kill")
    assert stack.commands()[-1]["remote_addr"] == "127.0.0.1"
