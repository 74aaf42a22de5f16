"""Sessions on a running system of two web processes: what ends one, ends it everywhere and at once."""

from __future__ import annotations

import time
from contextlib import closing, suppress

import requests

from bot.access.sessions import MOST_OF_ONE
from tests.support.browser import Browser
from tests.support.client import TOKENS
from tests.support.stack import Stack


def everywhere(stack: Stack, browser: Browser, status: int, csrf: str | None = None) -> None:
    """Returns when *browser* gets this status ten times in a row: from both processes, most likely."""
    in_a_row = 0

    def again() -> bool:
        nonlocal in_a_row
        in_a_row = in_a_row + 1 if browser.send("GET", "/gate", csrf).status_code == status else 0
        return in_a_row >= 10

    stack.wait_for(again, 5, f"both processes answer {status}")


def stream(browser: Browser) -> requests.Response:
    answer = browser.session.get(f"{browser.url}/api/bot/events", stream=True, timeout=30)
    assert answer.status_code == 200
    next(answer.iter_lines())
    return answer


def ends(answer: requests.Response) -> bool:
    """Whether the stream is closed from the other side, in the time of two of its signs of life."""
    deadline, parts = time.monotonic() + 20, answer.iter_content(4096)
    with suppress(requests.RequestException):  # in the middle of something
        while time.monotonic() < deadline and next(parts, None):
            pass
    return time.monotonic() < deadline


def test_a_cookie_that_was_copied_is_worth_nothing_after_the_logout_and_its_streams_end(
    stack: Stack, browser: Browser
) -> None:
    browser.log_in()
    csrf, thief = browser.csrf(), browser.copy()
    everywhere(stack, thief, 200, csrf)
    with closing(stream(thief)) as answer:
        assert browser.log_out().status_code == 303
        assert thief.send("POST", "/start", csrf, json={}).status_code == 401
        assert ends(answer)
    everywhere(stack, thief, 401, csrf)
    assert "refused a session that has ended" in stack.logs(whole=True)
    [row] = stack.sql("SELECT ended_by FROM bot_session ORDER BY began_at DESC LIMIT 1")
    assert row["ended_by"] == "logout by operator"


def test_sessions_are_listed_and_ended_one_by_one_and_only_ones_own(stack: Stack, browser: Browser) -> None:
    browser.log_in()
    other, stranger = Browser(stack.url), Browser(stack.url)
    other.log_in()
    stranger.log_in(TOKENS["viewer"])
    mine = browser.send("GET", "/sessions", browser.csrf()).json()["items"]
    assert {each["actor"] for each in mine} == {"operator"}
    [current] = [each["id"] for each in mine if each["current"]]
    [theirs] = [
        each["id"]
        for each in stack.sql(
            "SELECT id::text FROM bot_session WHERE actor = 'viewer' AND ended_at IS NULL ORDER BY began_at DESC LIMIT 1"
        )
    ]
    [another] = [
        each["id"] for each in other.send("GET", "/sessions", other.csrf()).json()["items"] if each["current"]
    ]
    assert browser.send("DELETE", f"/sessions/{theirs}", browser.csrf()).status_code == 404
    assert browser.send("DELETE", f"/sessions/{another}", browser.csrf()).status_code == 204
    assert browser.send("DELETE", f"/sessions/{another}", browser.csrf()).status_code == 404
    everywhere(stack, other, 401)
    assert stranger.session.get(f"{stack.url}/sessions", timeout=10).status_code == 200
    page = browser.session.get(f"{stack.url}/sessions", timeout=10).text
    assert "127.0.0.1" in page
    assert f"/sessions/{current}" in page
    done = browser.session.post(
        f"{stack.url}/sessions/{current}",
        data={"csrf_token": browser.csrf()},
        allow_redirects=False,
        timeout=10,
    )
    assert done.status_code == 303
    everywhere(stack, browser, 401)


def test_one_actor_has_so_many_sessions_at_once_and_the_one_that_was_seen_longest_ago_ends(
    stack: Stack, browser: Browser
) -> None:
    browser.log_in(TOKENS["operator2"])
    everywhere(stack, browser, 200, browser.csrf())
    there = [row["id"] for row in stack.sql("SELECT id::text FROM bot_session WHERE actor = 'operator2'")]
    for _ in range(MOST_OF_ONE):
        # each time: web notes every now and then who was seen
        stack.sql(
            "UPDATE bot_session SET last_seen_at = now() - interval '1 minute' WHERE id::text = any(%s)",
            [there],
        )
        Browser(stack.url).log_in(TOKENS["operator2"])
    everywhere(stack, browser, 401)
    [row] = stack.sql("SELECT count(*) FROM bot_session WHERE actor = 'operator2' AND ended_at IS NULL")
    assert row["count"] == MOST_OF_ONE


def test_a_login_leads_to_a_kill_while_the_sessions_cannot_be_written(stack: Stack, browser: Browser) -> None:
    with closing(stack.tables.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE bot_session IN EXCLUSIVE MODE")
        assert browser.log_in().status_code == 303
        csrf = browser.csrf()
        for path in ("/kill", "/kill", "/kill", "/kill"):  # whichever process answers
            done = browser.send("POST", path, csrf, json={})
            assert (done.status_code, done.json().get("state")) == (200, "stopped")
        connection.rollback()


def test_an_operator_at_a_new_address_is_told_once(stack: Stack, browser: Browser) -> None:
    stack.sql("DELETE FROM bot_alert")
    stack.sql("UPDATE bot_session SET remote_addr = '10.9.9.9'")
    browser.log_in()
    Browser(stack.url).log_in()
    Browser(stack.url).log_in(TOKENS["viewer"])
    told = stack.wait_for(
        lambda: stack.sql("SELECT facts FROM bot_alert WHERE kind = 'new_address'"), 5, "it is told"
    )
    assert [each["facts"]["actor"] for each in told] == ["operator"]
    assert told[0]["facts"]["address"] == "127.0.0.1"
