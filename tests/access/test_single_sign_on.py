"""A proxy says who it is: only one that is trusted, only those who are named, only as long as it says so."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from bot.errors import SettingsError
from bot.settings.settings import Settings
from tests.support.fixtures import ClientFactory
from web.auth import scheme

SSO = {
    "SSO_HEADER": "X-Forwarded-User",
    "SSO_USERS": "alice@desk:operator[kill,pause],bob:viewer",
    "SSO_PROXIES": "10.1.0.0/16",
}
PROXY = {"REMOTE_ADDR": "10.1.2.3"}


def log_in(client: FlaskClient, user: str, peer: dict[str, str] = PROXY) -> int:
    return client.get("/login", headers={"X-Forwarded-User": user}, environ_base=peer).status_code


def test_a_user_whom_the_proxy_vouches_for_is_the_actor_of_a_session(make_client: ClientFactory) -> None:
    client = make_client(**SSO, TRUSTED_PROXIES="1")
    assert log_in(client, "alice@desk") == 302
    with client:
        page = client.get("/", headers={"X-Forwarded-User": "alice@desk"}, environ_base=PROXY)
        assert page.status_code == 200
        actor = scheme.session_actor()
        assert actor is not None
        assert (actor.name, actor.role, actor.token_name) == ("alice@desk", "operator", None)
        assert sorted(actor.commands or ()) == ["kill", "pause"]


def test_the_session_ends_where_the_proxy_says_nothing_or_somebody_else(make_client: ClientFactory) -> None:
    client = make_client(**SSO)
    log_in(client, "alice@desk")
    for headers, peer in (
        ({}, PROXY),
        ({"X-Forwarded-User": "bob"}, PROXY),
        ({"X-Forwarded-User": "alice@desk"}, {"REMOTE_ADDR": "10.2.0.1"}),
    ):
        answer = client.get("/api/bot/status", headers=headers, environ_base=peer)
        assert answer.status_code == 401, headers


@pytest.mark.parametrize(
    ("peer", "forwarded"), [("10.2.0.1", None), ("203.0.113.7", "10.1.2.3"), ("::1", None)]
)
def test_the_header_is_believed_of_the_proxys_own_connection_only(
    make_client: ClientFactory, peer: str, forwarded: str | None
) -> None:
    client = make_client(**SSO, TRUSTED_PROXIES="1")
    headers = {"X-Forwarded-User": "alice@desk"} | ({"X-Forwarded-For": forwarded} if forwarded else {})
    page = client.get("/login", headers=headers, environ_base={"REMOTE_ADDR": peer})
    assert page.status_code == 200
    assert "Access token" in page.text


def test_a_user_who_is_not_named_is_told_so(make_client: ClientFactory) -> None:
    client = make_client(**SSO)
    page = client.get("/login", headers={"X-Forwarded-User": "<eve>"}, environ_base=PROXY)
    assert page.status_code == 403
    assert "&lt;eve&gt; is not one of SSO_USERS" in page.text


def test_it_is_off_by_default_and_no_way_into_the_api_without_a_session(make_client: ClientFactory) -> None:
    assert log_in(make_client(), "alice@desk") == 200
    client = make_client(**SSO)
    answer = client.get("/api/bot/gate", headers={"X-Forwarded-User": "alice@desk"}, environ_base=PROXY)
    assert answer.status_code == 401
    for name in ("sso:alice@desk", "alice@desk"):
        answer = client.get("/api/bot/gate", headers={"Authorization": f"Bearer {name}"}, environ_base=PROXY)
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SSO_HEADER": "X-User"}, "needs SSO_USERS and SSO_PROXIES as well"),
        ({**SSO, "SSO_USERS": "alice:admin"}, "SSO_USERS is wrong: gives alice no known role"),
        ({**SSO, "SSO_USERS": "a:viewer,a:viewer"}, "names a twice"),
        ({**SSO, "SSO_PROXIES": "0.0.0.0/0"}, "half the world"),
        ({**SSO, "SSO_PROXIES": "proxy"}, "not an address or network"),
    ],
)
def test_half_a_single_sign_on_stops_the_start(settings: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.load(
            database_url="postgresql://a@b/c",
            redis_url="redis://127.0.0.1:1/0",
            **{name.lower(): value for name, value in settings.items()},
        )
