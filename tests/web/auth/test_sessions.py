"""Logging in and out, and what a session may do. No server is needed for most of it, and no database."""

from __future__ import annotations

import os
import re
import stat
import time
from pathlib import Path

import pytest
import requests

from bot.errors import SettingsError
from bot.settings import secret_key
from bot.settings.settings import Settings
from tests.support.client import API_TOKENS, TOKENS
from tests.support.fixtures import tables
from tests.support.tables import Tables
from web.app import create_app
from web.auth import scheme, sessions
from web.auth.throttle import MOST_FAILURES

__all__ = ["tables"]

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "API_TOKENS": API_TOKENS,
    "SECRET_KEY": "secret-key-of-the-tests",
}


@pytest.fixture
def make_app(monkeypatch, tmp_path):
    def make(**more: str):
        for name, value in {**ENVIRONMENT, "DATA_DIR": str(tmp_path), **more}.items():
            monkeypatch.setenv(name, value)
        return create_app()

    return make


@pytest.fixture
def client(make_app):
    return make_app().test_client()


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf[-_]token" (?:value|content)="([^"]+)"', page)
    assert found is not None
    return found[1]


def log_in(client, role: str = "operator"):
    token = csrf_of(client.get("/login").text)
    return client.post("/login", data={"csrf_token": token, "token": TOKENS[role]})


def cookie_of(response) -> str:
    return next(value for name, value in response.headers if name == "Set-Cookie")


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client):
    cookie = cookie_of(log_in(client))
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    assert TOKENS["operator"] not in cookie


def test_the_cookie_is_secure_where_the_page_is(client):
    page = client.get("/login", base_url="https://pitboss.example")
    assert "Secure" in cookie_of(page)


def test_a_wrong_token_gives_no_session(client):
    token = csrf_of(client.get("/login").text)
    answer = client.post("/login", data={"csrf_token": token, "token": "wrong"})
    assert answer.status_code == 401
    assert client.get("/").status_code == 302


def test_a_login_that_comes_from_elsewhere_is_refused(client):
    client.get("/login")
    assert client.post("/login", data={"token": TOKENS["operator"]}).status_code == 400
    assert client.get("/").status_code == 302


def test_logging_out_ends_the_session_and_cannot_be_forged(client):
    log_in(client)
    assert client.post("/logout").status_code == 403
    assert client.get("/").status_code == 200
    token = csrf_of(client.get("/").text)
    assert client.post("/logout", data={"csrf_token": token}).status_code == 303
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(
    "tokens",
    [
        API_TOKENS.replace(TOKENS["operator"], "another-token-than-before"),
        API_TOKENS.replace("operator:operator:", "renamed:operator:"),
        f"viewer:viewer:{TOKENS['viewer']}",
    ],
    ids=["changed", "renamed", "removed"],
)
def test_a_session_ends_with_its_token(make_app, tokens):
    before = make_app().test_client()
    cookie = cookie_of(log_in(before)).split(";")[0]
    same = make_app().test_client(use_cookies=False)
    changed = make_app(API_TOKENS=tokens).test_client(use_cookies=False)
    assert same.get("/", headers={"Cookie": cookie}).status_code == 200
    assert changed.get("/", headers={"Cookie": cookie}).status_code == 302


def test_a_session_of_another_key_is_nothing(make_app):
    cookie = cookie_of(log_in(make_app().test_client())).split(";")[0]
    other = make_app(SECRET_KEY="another-secret-key-of-the-tests").test_client(use_cookies=False)
    assert other.get("/", headers={"Cookie": cookie}).status_code == 302


def test_a_session_ends_by_itself(client, monkeypatch):
    log_in(client)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + sessions.LIFETIME_SEC - 60)
    assert client.get("/").status_code == 200
    monkeypatch.setattr(time, "time", lambda: now + sessions.LIFETIME_SEC + 1)
    assert client.get("/").status_code == 302


def test_a_role_follows_the_settings_not_the_cookie(make_app):
    cookie = cookie_of(log_in(make_app().test_client())).split(";")[0]
    demoted = make_app(API_TOKENS=API_TOKENS.replace("operator:operator:", "operator:viewer:", 1))
    page = demoted.test_client(use_cookies=False).get("/", headers={"Cookie": cookie})
    assert "You are logged in as a viewer" in page.text


def test_wrong_tokens_are_counted_on_both_ways_in(client):
    for _ in range(MOST_FAILURES):
        assert client.get("/api/bot/status", headers={"Authorization": "Bearer wrong"}).status_code == 401
    answer = client.get("/api/bot/status", headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.json["code"]) == (429, "rate_limited")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    token = csrf_of(client.get("/login").text)
    assert client.post("/login", data={"csrf_token": token, "token": "wrong"}).status_code == 429
    assert log_in(client, "viewer").status_code == 429
    # what is right leads to the kill button all the same
    assert log_in(client).status_code == 303


def test_a_session_is_not_held_up_by_wrong_tokens(client):
    log_in(client, "viewer")
    for _ in range(MOST_FAILURES + 1):
        client.get("/api/bot/status", headers={"Authorization": "Bearer wrong"})
    assert client.get("/").status_code == 200


def test_a_session_acts_as_the_panel_and_only_with_its_csrf_token(stack):
    browser = requests.Session()
    token = csrf_of(browser.get(f"{stack.url}/login").text)
    browser.post(f"{stack.url}/login", data={"csrf_token": token, "token": TOKENS["operator"]})
    token = csrf_of(browser.get(f"{stack.url}/").text)

    refused = browser.post(f"{stack.url}/api/bot/start", json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    other = requests.Session()
    stolen = csrf_of(other.get(f"{stack.url}/login").text)
    refused = browser.post(f"{stack.url}/api/bot/start", json={}, headers={"X-CSRF-Token": stolen})
    assert refused.status_code == 403
    assert stack.status()["state"] == "stopped"

    done = browser.post(f"{stack.url}/api/bot/start", json={}, headers={"X-CSRF-Token": token})
    assert done.status_code == 200
    row = stack.commands()[-1]
    assert (row["actor"], row["source"]) == ("operator", "panel")
    assert stack.api().post("/stop").status_code == 200  # a bearer token needs none
    assert stack.commands()[-1]["source"] == "api"


# -- the key ------------------------------------------------------------------------------------------------------


def _load(data_dir: Path) -> str:
    return secret_key.load(_settings(data_dir))


def _settings(data_dir: Path, **more: str) -> Settings:
    given = {"DATABASE_URL": ENVIRONMENT["DATABASE_URL"], "REDIS_URL": ENVIRONMENT["REDIS_URL"], **more}
    return Settings.load(data_dir=data_dir, **{name.lower(): value for name, value in given.items()})


def test_a_key_is_made_up_once_and_kept_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    folder = tmp_path / "data"
    key = _load(folder)
    assert len(key) >= 32
    assert _load(folder) == key
    assert stat.S_IMODE((folder / "secret-key").stat().st_mode) == 0o600
    assert os.listdir(folder) == ["secret-key"]
    assert _load(tmp_path / "another") != key


def test_of_processes_that_start_at_once_one_key_wins(tmp_path, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    link = os.link

    def link_late(draft: Path, file: Path) -> None:
        file.write_text("the-key-of-the-process-that-was-first\n")
        link(draft, file)

    monkeypatch.setattr(os, "link", link_late)
    assert _load(tmp_path) == "the-key-of-the-process-that-was-first"
    assert os.listdir(tmp_path) == ["secret-key"]


def test_a_key_that_cannot_be_kept_stops_the_start(tmp_path, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="SECRET_KEY is not set"):
        _load(tmp_path / "file" / "data")
    with pytest.raises(SettingsError, match="SECRET_KEY is wrong"):
        _settings(tmp_path, SECRET_KEY="short")


def test_a_session_that_another_process_has_ended_changes_nothing_but_halts_the_bot(
    make_app, database_url: str, tables: Tables
):
    app = make_app(DATABASE_URL=database_url)
    client = app.test_client()
    log_in(client)
    headers = {"X-CSRF-Token": csrf_of(client.get("/").text)}
    scheme.of(app).directory._write()
    tables.sql("UPDATE bot_session SET ended_at = now(), ended_by = 'logout by operator'")
    answer = client.post("/api/bot/start", headers=headers, json={})
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert tables.sql("SELECT kind FROM bot_command") == []
    assert client.post("/api/bot/kill", headers=headers, json={}).status_code == 200
