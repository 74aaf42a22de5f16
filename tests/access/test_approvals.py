"""Two people where two are wanted; and never in the way of kill, stop and pause."""

from __future__ import annotations

import pytest

from bot.errors import SettingsError
from bot.settings.settings import Settings
from tests.support import envelope
from tests.support.approvals import approving, approving_stack
from tests.support.browser import Browser
from tests.support.client import TOKENS
from tests.support.stack import Stack

__all__ = ["approving", "approving_stack"]

PATIENT = {"Prefer": "wait=10"}


def ask(stack: Stack, path: str, body: object = None, method: str = "POST") -> str:
    """The id of a command that waits."""
    answer = stack.api().request(method, path, json=body)
    assert answer.status_code == 202, answer.text
    shown = answer.json()
    assert shown["status"] == "awaiting_approval"
    assert "another operator" in shown["warning"]
    assert answer.headers["Location"].endswith(shown["commandId"])
    return str(shown["commandId"])


def test_a_command_waits_until_another_operator_approves_it(stack: Stack) -> None:
    command = ask(stack, "/start")
    assert stack.status()["state"] == "stopped"
    assert stack.status()["pendingCommands"] == 0
    own = stack.api().post(f"/commands/{command}/approval")
    envelope.check(own, 403, "own_command")
    envelope.check(stack.api("viewer").post(f"/commands/{command}/approval"), 403, "forbidden")

    done = stack.api("operator2").post(f"/commands/{command}/approval", headers=PATIENT)
    assert (done.status_code, done.json()["state"]) == (200, "running")
    row = stack.api().command(command)
    assert (row["actor"], row["approvedBy"], row["status"]) == ("operator", "operator2", "applied")
    again = stack.api("operator2").post(f"/commands/{command}/approval")
    envelope.check(again, 409, "nothing_to_approve")
    told = stack.sql("SELECT facts FROM bot_alert WHERE kind = 'approval_wanted'")
    assert [each["facts"]["commandId"] for each in told] == [command]


@pytest.mark.parametrize("by", ["operator", "operator2"])
def test_a_command_that_waits_can_be_rejected_and_withdrawn(stack: Stack, by: str) -> None:
    command = ask(stack, "/start")
    envelope.check(stack.api("viewer").post(f"/commands/{command}/rejection"), 403, "forbidden")
    done = stack.api(by).do(f"/commands/{command}/rejection")
    assert (done["status"], done["errorCode"], done["approvedBy"]) == ("rejected", "not_approved", None)
    assert done["error"] == f"{by} rejected it before it took its turn; nothing was changed."
    for answer in ("approval", "rejection"):
        again = stack.api("operator2").post(f"/commands/{command}/{answer}")
        envelope.check(again, 409, "nothing_to_approve")
    assert stack.status()["state"] == "stopped"


def test_only_what_waits_can_be_rejected(stack: Stack) -> None:
    pause = stack.api().post("/pause").json()["details"]["commandId"]
    waiting = ask(stack, "/start")
    for other in (pause, "00000000-0000-4000-8000-000000000000"):
        envelope.check(stack.api().post(f"/commands/{other}/rejection"), 409, "nothing_to_approve")
    assert stack.api().command(waiting)["status"] == "awaiting_approval"


def test_only_thresholds_by_which_more_can_be_lost_wait(stack: Stack) -> None:
    operator = stack.api()
    assert (
        operator.patch("/config", {"dailyLossLimitUsd": 400, "minWinRate": 0.6}, headers=PATIENT).status_code
        == 200
    )
    for riskier in (
        {"dailyLossLimitUsd": 450},
        {"minWinRate": 0.55},
        {"countOpenLoss": False},
        {"dailyLossLimitUsd": 300, "positionSizeUsd": 501},
    ):
        ask(stack, "/config", riskier, "PATCH")
    assert operator.patch("/config", {"enabledCatalystTiers": [1]}, headers=PATIENT).status_code == 200
    command = ask(stack, "/config", {"enabledCatalystTiers": [1, 2]}, "PATCH")
    assert stack.api("operator2").post(f"/commands/{command}/approval", headers=PATIENT).status_code == 200
    assert operator.read("/config")["enabledCatalystTiers"] == [1, 2]
    assert operator.read("/config")["dailyLossLimitUsd"] == 400


def test_kill_stop_and_pause_wait_for_nobody_and_a_kill_calls_off_what_waits(stack: Stack) -> None:
    operator = stack.api()
    started = ask(stack, "/start")
    stack.api("operator2").do(f"/commands/{started}/approval")
    operator.do("/pause")
    waiting = ask(stack, "/flatten")
    operator.do("/stop")
    stack.api("operator2").do(f"/commands/{waiting}/approval")
    assert operator.do("/kill")["state"] == "stopped"
    operator.do("/rearm")
    waiting = ask(stack, "/start")
    operator.do("/kill")
    answer = stack.api("operator2").post(f"/commands/{waiting}/approval")
    envelope.check(answer, 409, "superseded")


def test_what_nobody_approves_expires_and_cannot_be_approved_any_more(stack: Stack) -> None:
    command = ask(stack, "/start")
    stack.sql("UPDATE bot_command SET expires_at = now() WHERE id::text = %s", [command])
    row = stack.wait_for(
        lambda: stack.sql("SELECT * FROM bot_command WHERE id::text = %s AND status = 'expired'", [command]),
        5,
        "it expires",
    )[0]
    assert "No second person approved it" in row["error"]
    envelope.check(stack.api("operator2").post(f"/commands/{command}/approval"), 409, "nothing_to_approve")


def test_a_message_that_does_not_say_who_sent_it_is_no_way_around(stack: Stack) -> None:
    before = len(stack.commands())
    done = stack.call("call", "bot.start")
    assert done.returncode == 0
    stack.wait_for(
        lambda: "has to be approved by a second person" in stack.worker.log(), 10, "it is rejected"
    )
    assert len(stack.commands()) == before


def test_the_page_that_an_alert_links_to_shows_what_is_asked_for_and_takes_the_approval(stack: Stack) -> None:
    command = ask(stack, "/start", {"reason": "market opens"})
    browser, own = Browser(stack.url), Browser(stack.url)
    browser.log_in(TOKENS["operator2"])
    own.log_in()
    page = f"{stack.url}/approvals/{command}"
    asked = own.session.get(page, timeout=10).text
    assert "Another operator has to approve it" in asked
    assert ("Withdraw" in asked, ">Approve<" in asked) == (True, False)
    shown = browser.session.get(page, timeout=10).text
    assert "market opens" in shown
    assert browser.session.post(page, timeout=10).status_code == 403, "it has to come from the page"
    done = browser.session.post(page, data={"csrf_token": browser.csrf()}, timeout=20)
    assert "approved by operator2" in done.text
    assert stack.status()["state"] == "running"


def test_the_page_takes_a_rejection_too_and_from_operators_only(stack: Stack) -> None:
    command = ask(stack, "/start")
    viewer = Browser(stack.url)
    viewer.log_in(TOKENS["viewer"])
    for answer in ("approve", "reject"):
        form = {"csrf_token": viewer.csrf(), "answer": answer}
        refused = viewer.session.post(f"{stack.url}/approvals/{command}", data=form, timeout=20)
        assert refused.status_code == 403
        assert "Your token may not approve commands." in refused.text
    assert stack.api().command(command)["status"] == "awaiting_approval"
    browser = Browser(stack.url)
    browser.log_in(TOKENS["operator2"])
    page = f"{stack.url}/approvals/{command}"
    done = browser.session.post(page, data={"csrf_token": browser.csrf(), "answer": "reject"}, timeout=20)
    assert "operator2 rejected it" in done.text
    assert stack.api().command(command)["status"] == "rejected"


@pytest.mark.parametrize(
    ("value", "said"),
    [("kill", "kill never waits"), ("sell", "takes some of start"), ("pause", "never waits")],
)
def test_an_approval_that_would_be_in_the_way_of_safety_stops_the_start(value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=f"APPROVALS is wrong: .*{said}"):
        Settings.load(database_url="postgresql://a@b/c", redis_url="redis://127.0.0.1:1/0", approvals=value)
