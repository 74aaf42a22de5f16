"""Every pair of state and command, over HTTP."""

import pytest

from tests.support import envelope
from tests.support.invariants import decided
from tests.support.stack import Stack

PATHS = {
    "start": ("POST", "/start", None),
    "pause": ("POST", "/pause", None),
    "resume": ("POST", "/resume", None),
    "stop": ("POST", "/stop", None),
    "kill": ("POST", "/kill", None),
    "rearm": ("POST", "/rearm", None),
    "set_mode": ("PATCH", "/mode", {"mode": "live"}),
    "update_config": ("PATCH", "/config", {"maxConcurrentPositions": 4}),
    "reconcile": ("POST", "/reconcile", None),
}

#: What each command leads to: a state with 200, or a status with a code. The shared system runs with
#: MARKET_HOURS=always, so a switch to live is refused also where the state would allow it.
NO = (400, "invalid_transition")
NOT_STOPPED = (409, "not_stopped")
OVERRIDE = (409, "market_hours_override")
TABLE: dict[str, dict[str, str | tuple[int, str]]] = {
    "stopped": {
        "start": "running",
        "pause": NO,
        "resume": NO,
        "stop": NO,
        "kill": "stopped",
        "rearm": NO,
        "set_mode": OVERRIDE,
        "update_config": "stopped",
        "reconcile": "stopped",
    },
    "running": {
        "start": NO,
        "pause": "paused",
        "resume": NO,
        "stop": "stopped",
        "kill": "stopped",
        "rearm": NO,
        "set_mode": NOT_STOPPED,
        "update_config": "running",
        "reconcile": "running",
    },
    "paused": {
        "start": NO,
        "pause": NO,
        "resume": "running",
        "stop": "stopped",
        "kill": "stopped",
        "rearm": NO,
        "set_mode": NOT_STOPPED,
        "update_config": "paused",
        "reconcile": "paused",
    },
    "killed": {
        "start": (409, "killed"),
        "pause": NO,
        "resume": NO,
        "stop": NO,
        "kill": "stopped",
        "rearm": "stopped",
        "set_mode": OVERRIDE,
        "update_config": "stopped",
        "reconcile": "stopped",
    },
}
WAY_TO = {"stopped": [], "running": ["/start"], "paused": ["/start", "/pause"], "killed": ["/start", "/kill"]}


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize("situation", TABLE)
def test_every_pair_of_state_and_command_has_its_answer(stack: Stack, situation: str, kind: str):
    operator = stack.api()
    for path in WAY_TO[situation]:
        operator.do(path)
    state = "stopped" if situation == "killed" else situation
    before = stack.config()
    method, path, body = PATHS[kind]

    response = operator.request(method, path, json=body)

    expected = TABLE[situation][kind]
    row = stack.commands()[-1]
    after = stack.config()
    assert row["kind"] == kind
    assert (row["actor"], row["source"], row["from_state"]) == ("operator", "api", state)
    if isinstance(expected, tuple):
        details = envelope.check(response, *expected)["details"]
        assert details["commandId"] == str(row["id"])
        assert (row["status"], row["error_code"], row["revision"]) == ("rejected", expected[1], None)
        assert decided(after) == decided(before)
    else:
        assert response.status_code == 200, response.text
        answer = response.json()
        assert (answer["state"], answer["mode"], answer["status"]) == (expected, "paper", "applied")
        assert answer["commandId"] == str(row["id"])
        assert (row["status"], row["to_state"]) == ("applied", expected)
        assert answer["revision"] == row["revision"] == after["revision"] == before["revision"] + 1
        assert after["state"] == expected


def test_the_table_names_all_commands():
    assert all(list(row) == list(PATHS) for row in TABLE.values())


def test_start_enables_and_kill_disables_and_the_others_leave_it(stack: Stack):
    operator = stack.api()
    seen = []
    for path in ("/start", "/pause", "/resume", "/stop", "/start", "/kill", "/rearm"):
        operator.do(path)
        seen.append(stack.status()["enabled"])
    assert seen == [True, True, True, True, True, False, False]


def test_a_killed_bot_says_why_and_starts_only_after_rearm(stack: Stack):
    operator = stack.api()
    operator.do("/start")
    operator.do("/kill", {"reason": "the market has gone mad"})

    status = stack.status()
    assert (status["state"], status["enabled"], status["killed"]) == ("stopped", False, True)
    assert status["killReason"] == "the market has gone mad"
    assert {"killed", "disabled", "not_running"} <= set(status["reasons"])
    refused = envelope.check(operator.post("/start"), 409, "killed")
    assert "rearm" in refused["error"]

    assert operator.do("/rearm")["state"] == "stopped"
    assert (stack.status()["killed"], stack.status()["enabled"]) == (False, False)
    assert operator.do("/start")["state"] == "running"


def test_killing_twice_is_fine_and_keeps_the_latch(stack: Stack):
    operator = stack.api()
    operator.do("/kill", {"reason": "first"})
    operator.do("/kill", {"reason": "second"})

    assert stack.status()["killed"] is True
    assert stack.status()["killReason"] == "second"


def test_a_reason_is_kept_in_the_log(stack: Stack):
    done = stack.api().do("/start", {"reason": "опенинг 📈"})

    assert stack.api("viewer").command(done["commandId"])["reason"] == "опенинг 📈"


def test_thresholds_change_all_or_nothing(stack: Stack):
    operator = stack.api()
    good = {"positionSizeUsd": 750.5, "enabledCatalystTiers": [3, 1], "maxFloatShares": 1}
    bad = {"minWinRate": 1.5, "maxHoldDurationSec": 0, "confidenceMultiplierHigh": "2"}

    refused = envelope.check(operator.patch("/config", {**good, **bad}), 422, "validation")
    assert set(bad) <= set(refused["details"]["fields"])
    assert operator.read("/config")["positionSizeUsd"] == 500

    changed = operator.patch("/config", good)
    assert changed.status_code == 200
    config = operator.read("/config")
    assert (config["positionSizeUsd"], config["enabledCatalystTiers"], config["maxFloatShares"]) == (
        750.5,
        [1, 3],
        1,
    )
    assert stack.config()["enabled_catalyst_tiers"] == "1,3"


@pytest.mark.parametrize("name", ["state", "mode", "enabled", "revision", "killedAt"])
def test_what_is_not_a_threshold_cannot_be_set_through_config(stack: Stack, name: str):
    before = stack.config()
    refused = envelope.check(stack.api().patch("/config", {name: "running"}), 422, "validation")

    assert name in refused["details"]["fields"]
    assert decided(stack.config()) == decided(before)
