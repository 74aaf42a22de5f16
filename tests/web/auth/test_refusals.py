"""Each refusal is a line in the log with the address, and a count. No database is needed."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.support.client import TOKENS
from tests.support.fixtures import ClientFactory
from web.auth.refusals import Refusal
from web.auth.throttle import MOST_FAILURES
from web.monitoring.request_metrics import REGISTRY

HERE = {"REMOTE_ADDR": "10.7.7.7"}


def csrf_of(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="csrf[-_]token" (?:value|content)="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def log_in(client: FlaskClient, token: str = TOKENS["operator"]) -> int:
    form = {"csrf_token": csrf_of(client, "/login"), "token": token}
    return client.post("/login", data=form, environ_base=HERE).status_code


def counts() -> dict[Refusal, float]:
    return {
        reason: REGISTRY.get_sample_value("pitboss_access_refused_total", {"reason": reason}) or 0.0
        for reason in Refusal
    }


def a_wrong_token(client: FlaskClient) -> None:
    assert log_in(client, "a-wrong-token-of-the-tests") == 401


def a_right_that_is_missing(client: FlaskClient) -> None:
    headers = {"Authorization": f"Bearer {TOKENS['viewer']}"}
    assert client.post("/api/bot/kill", headers=headers, json={}, environ_base=HERE).status_code == 403


def a_request_without_its_csrf_token(client: FlaskClient) -> None:
    log_in(client)
    assert client.post("/api/bot/start", json={}, environ_base=HERE).status_code == 403


def a_session_that_has_ended(client: FlaskClient) -> None:
    log_in(client)
    cookie = client.get_cookie("pitboss_8000")
    assert cookie is not None
    client.post("/logout", data={"csrf_token": csrf_of(client, "/")})
    client.set_cookie("pitboss_8000", cookie.value)
    assert client.get("/api/bot/status", environ_base=HERE).status_code == 401


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (a_wrong_token, Refusal.WRONG_TOKEN),
        (a_right_that_is_missing, Refusal.FORBIDDEN),
        (a_request_without_its_csrf_token, Refusal.FORGED),
        (a_session_that_has_ended, Refusal.ENDED),
    ],
)
def test_it_is_logged_with_its_address_and_counted(
    make_client: ClientFactory,
    caplog: pytest.LogCaptureFixture,
    happens: Callable[[FlaskClient], None],
    reason: Refusal,
) -> None:
    client, before = make_client(), counts()
    happens(client)
    assert {each: counts()[each] - before[each] for each in Refusal if counts()[each] != before[each]} == {
        reason: 1.0
    }
    lines = [vars(each) for each in caplog.records if "error_code" in vars(each)]
    assert [(each["error_code"], each["address"]) for each in lines] == [(reason, "10.7.7.7")]


def test_whoever_has_to_wait_is_counted_on_both_ways_in_and_logged_once(
    make_client: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    client, before = make_client(), counts()
    for _ in range(MOST_FAILURES):
        a_wrong_token(client)
    assert log_in(client, "a-wrong-token-of-the-tests") == 429
    wrong = {"Authorization": "Bearer wrong"}
    assert client.get("/api/bot/status", headers=wrong, environ_base=HERE).status_code == 429
    assert counts()[Refusal.LOCKED_OUT] - before[Refusal.LOCKED_OUT] == 2
    assert counts()[Refusal.WRONG_TOKEN] - before[Refusal.WRONG_TOKEN] == MOST_FAILURES
    assert caplog.text.count("too many wrong tokens: the address has to wait") == 1


@pytest.mark.parametrize("path", ["/sessions/{id}", "/approvals/{id}"])
def test_a_page_that_changes_something_takes_it_from_its_own_session_only(
    make_client: ClientFactory, path: str
) -> None:
    client = make_client()
    log_in(client)
    address = path.format(id="00000000-0000-4000-8000-000000000000")
    assert client.post(address).status_code == 403
    own = client.post(address, data={"csrf_token": csrf_of(client, "/")})
    assert own.status_code != 403, "the same with it gets on, to a database that is away"
