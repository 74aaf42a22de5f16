"""Pages of other origins, and proxies in front: what CORS_ORIGINS and TRUSTED_PROXIES do. No database is needed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.client import TOKENS
from tests.support.fixtures import ClientFactory
from web.auth.throttle import MOST_FAILURES

OURS = "https://desk.example"
THEIRS = "https://evil.example"
WRONG = {"Authorization": "Bearer wrong-token-of-the-tests"}


# -- origins ------------------------------------------------------------------------------------------------------


def preflight(client: FlaskClient, origin: str) -> Any:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    return client.options("/api/bot/kill", headers={"Origin": origin, **asked})


def allowed(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers if name.startswith("Access-Control-")}


def test_a_page_of_a_listed_origin_may_send_commands_and_read_the_answers(make_client: ClientFactory):
    client = make_client(CORS_ORIGINS=f"https://other.example, {OURS}/")
    may = allowed(preflight(client, OURS))
    assert may["Access-Control-Allow-Origin"] == OURS
    assert set(may["Access-Control-Allow-Methods"].split(", ")) >= {"POST", "PATCH"}
    assert may["Access-Control-Allow-Headers"].lower() == "authorization"

    answer = client.get("/healthz", headers={"Origin": OURS})
    assert allowed(answer)["Access-Control-Allow-Origin"] == OURS
    assert "Location" in allowed(answer)["Access-Control-Expose-Headers"]
    assert "Origin" in answer.headers["Vary"]


def test_cookies_are_never_allowed_to_pages_of_other_origins(make_client: ClientFactory):
    client = make_client(CORS_ORIGINS=OURS)
    for answer in (preflight(client, OURS), client.get("/healthz", headers={"Origin": OURS})):
        assert "Access-Control-Allow-Credentials" not in allowed(answer)


@pytest.mark.parametrize("origins", ["", OURS], ids=["by default", "with another one listed"])
@pytest.mark.parametrize("origin", [THEIRS, f"{OURS}.evil.example", "https://deskxexample", "null"])
def test_a_page_of_an_origin_that_is_not_listed_may_nothing(
    make_client: ClientFactory, origins: str, origin: str
):
    client = make_client(CORS_ORIGINS=origins)
    assert allowed(preflight(client, origin)) == {}
    assert allowed(client.get("/healthz", headers={"Origin": origin})) == {}


def test_by_default_not_even_an_origin_that_others_list_may_anything(make_client: ClientFactory):
    client = make_client()
    assert allowed(preflight(client, OURS)) == allowed(client.get("/healthz", headers={"Origin": OURS})) == {}


# -- proxies ------------------------------------------------------------------------------------------------------


def guess(client: FlaskClient, claimed: str) -> int:
    """The status of an attempt with a wrong token that says it comes from the address *claimed*."""
    return client.get("/api/bot/status", headers={**WRONG, "X-Forwarded-For": claimed}).status_code


def test_without_a_proxy_a_forged_address_is_not_counted_as_another(make_client: ClientFactory):
    client = make_client()
    assert {guess(client, f"10.0.0.{number}") for number in range(MOST_FAILURES)} == {401}
    assert guess(client, "10.0.1.1") == 429


def test_behind_a_proxy_addresses_are_counted_apart(make_client: ClientFactory):
    client = make_client(TRUSTED_PROXIES="1")
    assert {guess(client, "10.0.0.1") for _ in range(MOST_FAILURES)} == {401}
    assert guess(client, "10.0.0.1") == 429
    assert guess(client, "10.0.0.2") == 401


def test_behind_a_proxy_only_what_the_proxy_added_is_believed(make_client: ClientFactory):
    client = make_client(TRUSTED_PROXIES="1")
    assert {guess(client, f"10.0.0.{number}, 10.1.1.1") for number in range(MOST_FAILURES)} == {401}
    assert guess(client, "10.0.1.1, 10.1.1.1") == 429


@pytest.mark.parametrize(("proxies", "secure"), [("0", False), ("1", True)])
def test_the_cookie_is_secure_where_a_trusted_proxy_says_that_the_page_is(
    make_client: ClientFactory, proxies: str, secure: bool
):
    client = make_client(TRUSTED_PROXIES=proxies)
    page = client.get("/login", headers={"X-Forwarded-Proto": "https"})
    assert ("Secure" in page.headers["Set-Cookie"].split("; ")) is secure


# -- somebody else's guesses at the same address ------------------------------------------------------------------


def send(client: FlaskClient, path: str, role: str) -> int:
    return client.post(path, headers={"Authorization": f"Bearer {TOKENS[role]}"}, json={}).status_code


def test_guesses_from_the_same_address_keep_no_operator_from_halting_the_bot(
    make_client: ClientFactory, caplog: pytest.LogCaptureFixture
):
    for path in ("/api/bot/kill", "/api/bot/stop", "/api/bot/pause"):
        client = make_client()
        assert {guess(client, "") for _ in range(MOST_FAILURES)} == {401}
        assert send(client, "/api/bot/start", "operator") == 429
        for role in ("viewer", "bot"):
            assert send(client, path, role) == 429  # a 403 would tell a guesser that there is such a token
        assert client.post(path, headers=WRONG, json={}).status_code == 429
        assert "was let in" not in caplog.text

        assert send(client, path, "operator") == 503  # recognised: there is no database here
        assert re.search(r"operator was let in .* 127\.0\.0\.1", caplog.text)
        caplog.clear()
