"""script/pitboss as a person and a script meet it: in a pipe, on a terminal, from another folder."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from client.command_line.__main__ import cli
from tests.client.command_line import PITBOSS, CommandLine
from tests.support.client import TOKENS
from tests.support.stack import ROOT, Stack
from tests.support.waiting import wait_for


@pytest.fixture
def pitboss(stack: Stack, tmp_path: Path) -> CommandLine:
    return CommandLine(stack, tmp_path)


def test_every_command_of_an_operator(pitboss: CommandLine):
    assert pitboss.says("start", "--reason", "a calm open").startswith(
        "The bot is running (paper), revision "
    )
    assert "paused" in pitboss.says("pause")
    assert "running" in pitboss.says("resume")
    assert "stopped" in pitboss.says("stop", "-r", "done")
    assert "agree" in pitboss.says("reconcile")
    assert "(paper)" in pitboss.says("mode", "paper")
    assert pitboss.says(
        "config", "max_concurrent_positions=4", "enabled_catalyst_tiers=1,2"
    ).splitlines() == [
        "max_concurrent_positions: 3 → 4",
        "enabled_catalyst_tiers: 1,2,3,4 → 1,2",
    ]
    assert "max_concurrent_positions\t4" in pitboss.says("config")
    assert "stopped" in pitboss.says("kill", "-r", "now")
    assert "stopped" in pitboss.says("rearm")
    done = json.loads(pitboss.says("start", "--json", "--no-wait"))
    assert done["commandId"]


def test_each_end_has_its_exit_code(pitboss: CommandLine, stack: Stack):
    refused = pitboss.by_itself("stop")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Cannot stop while the bot is stopped")
    assert refused.stdout == ""
    assert pitboss("config", "max_concurrent_positions=-1").returncode == 2
    assert pitboss("config", "nonsense=1").returncode == 2
    assert pitboss.by_itself("no-such-command").returncode == 2
    assert pitboss("start", PITBOSS_TOKEN=TOKENS["viewer"]).returncode == 3
    away = pitboss.by_itself("--patience", "0", "status", PITBOSS_URL="http://127.0.0.1:1")
    assert (away.returncode, away.stdout) == (4, "")
    assert "does not answer" in away.stderr
    without = pitboss.by_itself("status", PITBOSS_TOKEN="")
    assert without.returncode == 2
    assert "PITBOSS_TOKEN is not set" in without.stderr
    assert pitboss("gate").returncode == 1
    stack.worker.freeze()
    try:
        asked = json.loads(pitboss.says("start", "--json", "--no-wait"))
        assert asked["status"] == "queued"
    finally:
        stack.worker.thaw()
    stack.wait_finished(asked["commandId"], 10)
    assert pitboss.says("gate") == "open\n"


def test_a_pipe_gets_plain_text(pitboss: CommandLine):
    pitboss.says("start", "-r", "for the log")
    pitboss.says("stop")
    status = dict(line.split("\t") for line in pitboss.says("status").splitlines())
    assert (status["state"], status["gate"]) == ("stopped", "closed: not_running")
    head, *rows = [line.split("\t") for line in pitboss.says("log", "-n", "2").splitlines()]
    assert head[:4] == ["issued", "seq", "kind", "status"]
    assert [row[2] for row in rows] == ["stop", "start"]
    assert "for the log" in rows[1]
    assert [
        json.loads(line)["kind"]
        for line in pitboss.says("log", "--json", "--kind", "start", "-n", "1").splitlines()
    ] == ["start"]
    assert [
        line.split("\t")[2] for line in pitboss.says("log", "--text", "FOR THE log").splitlines()[1:]
    ] == ["start"]
    assert pitboss.says("log", "--until", "2020-01-01T00:00:00Z").count("\n") == 1, (
        "only the names of the columns"
    )
    assert "\x1b" not in pitboss.says("positions") + pitboss.says("account") + pitboss.says("reports")
    piped = subprocess.run(
        ["sh", "-c", f"{PITBOSS} log -n 200 | head -1"],
        env=pitboss.env,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert piped.stderr == ""


def test_a_terminal_gets_tables_in_colour(pitboss: CommandLine):
    pitboss.says("start")
    shown = pitboss.on_a_terminal("status", until="as of")
    assert "\x1b[32mrunning" in shown
    assert "issued" in pitboss.on_a_terminal("log", until="start")


def test_the_status_is_watched(pitboss: CommandLine):
    with pitboss.going_on("status", "--watch", "--json") as watching:
        assert watching.stdout
        assert json.loads(watching.stdout.readline())["state"] == "stopped"
        pitboss.says("start")
        states = (json.loads(line)["state"] for line in watching.stdout)
        assert next(state for state in states if state != "stopped") == "running"
    assert watching.returncode == 130
    assert "running" in pitboss.on_a_terminal("status", "--watch", until="revision")


def test_the_log_is_followed(pitboss: CommandLine):
    with pitboss.going_on("log", "--follow", "-n", "1", "--kind", "start", "--json") as following:
        assert following.stdout
        pitboss.says("start", "-r", "seen live")
        rows = (json.loads(line) for line in following.stdout)
        assert next(row for row in rows if row["reason"] == "seen live")["kind"] == "start"


def test_trades_and_what_changed_on_them(pitboss: CommandLine, stack: Stack):
    pitboss.says("start")
    trade = (
        stack.api("bot").post("/trades", {"symbol": "SOIL", "shares": 5, "entryPrice": "9.10"}).json()["id"]
    )
    with pitboss.going_on("trades", "--follow", "--json") as following:
        assert following.stdout
        assert json.loads(following.stdout.readline())["filled"] is False
        stack.api("bot").do(
            f"/trades/{trade}/entry", {"alpacaOrderId": str(uuid4()), "entryPrice": "9.12", "shares": 5}
        )
        assert json.loads(following.stdout.readline())["filled"] is True
    assert "SOIL\topen\t5\t0\t9.12" in pitboss.says("trades", "--symbol", "soil")
    for narrower in (["--mode", "live"], ["--exit-reason", "hard_stop"], ["--until", "2020-01-01"]):
        assert trade not in pitboss.says("trades", *narrower)
    assert trade in pitboss.says("trades", "--mode", "paper", "--since", "2020-01-01")
    assert "opened" in pitboss.says("trade", trade)


def test_a_difference_is_shown_and_settled(pitboss: CommandLine, stack: Stack):
    stack.broker.positions(RIOT=7)
    disagrees = pitboss("reconcile")
    assert disagrees.returncode == 1
    assert "RIOT\tunknown_here\t0\t7" in disagrees.stdout
    assert "RIOT\t7\t0" in pitboss.says("positions")
    assert pitboss("settle", "ignore", "RIOT").returncode == 2, "it needs a reason"
    pitboss.says("settle", "ignore", "RIOT", "--reason", "bought manually")
    assert "agree" in pitboss.says("reconcile")


def test_a_kill_says_what_stays_open_and_a_flatten_closes_it(pitboss: CommandLine, stack: Stack):
    stack.broker.positions(RIOT=7)
    pitboss("reconcile")
    killed = pitboss.says("kill", "-r", "now")
    assert "A kill closes nothing. Open: 7 RIOT." in killed
    watched = pitboss.says("flatten", "--watch", "-r", "all of it")
    assert watched.splitlines()[-1] == "flat"
    assert pitboss.says("flatten-progress") == "flat\n"
    wait_for(lambda: stack.api().read("/flatten")["state"] == "flat", 10, "it is flat")


def test_a_flatten_that_could_not_read_the_broker_yet_says_so(pitboss: CommandLine, stack: Stack):
    stack.broker.faults({"kind": "500"})
    pitboss.says("flatten", "--yes")
    assert pitboss.says("flatten-progress").startswith("working; orders not read yet; positions not read yet")
    shown = pitboss.on_a_terminal("flatten-progress", until="trouble")
    assert re.search(r"orders left.*not read yet.*positions left.*not read yet", shown, re.DOTALL)
    pitboss.says("flatten", "--cancel")


def test_an_alert_is_listed_filtered_and_acknowledged(pitboss: CommandLine, stack: Stack):
    stack.sql("UPDATE bot_alert SET acknowledged_at = now(), acknowledged_by = 'tests'")
    with pitboss.going_on("alerts", "--follow", "-n", "1", "--severity", "critical", "--json") as following:
        assert following.stdout
        stack.broker.positions(KODK=35)
        pitboss("reconcile")
        rows = (json.loads(line) for line in following.stdout)
        raised = next(row for row in rows if "KODK" in row["text"])
    assert (raised["kind"], raised["severity"]) == ("reconciliation_differs", "critical")
    head, first = [
        line.split("\t") for line in pitboss.says("alerts", "-n", "1", "--state", "open").splitlines()
    ]
    named = dict(zip(head, first, strict=True))
    assert (named["severity"], named["kind"], named["id"]) == ("critical", raised["kind"], raised["id"])
    assert (named["what"], named["state"]) == (raised["text"], "not acknowledged")
    assert "KODK" in pitboss.on_a_terminal("alerts", "--kind", raised["kind"], until="KODK")
    assert "KODK" not in pitboss.says("alerts", "--severity", "info", "-n", "200")

    assert pitboss("acknowledge").returncode == 2
    assert pitboss("acknowledge", raised["id"], PITBOSS_TOKEN=TOKENS["viewer"]).returncode == 3
    assert pitboss.says("acknowledge", raised["id"]) == "Acknowledged: 1.\n"
    assert pitboss.says("acknowledge", raised["id"]) == "Acknowledged: 0.\n"
    assert raised["id"] not in pitboss.says("alerts", "--state", "open")
    [seen] = [row for row in pitboss.says("alerts").splitlines() if raised["id"] in row]
    assert "seen by operator" in seen

    pitboss.says("kill", "-r", "now")
    assert "killed" in pitboss.says("alerts", "--state", "open")
    pitboss.says("acknowledge", "--all")
    assert "killed" not in pitboss.says("alerts", "--state", "open")
    pitboss.says("rearm")
    assert "seen by operator" in pitboss.says("alerts", "--state", "over", "--kind", "killed", "-n", "1")


def test_a_flatten_on_a_terminal_asks_first(pitboss: CommandLine, stack: Stack):
    pitboss.on_a_terminal("flatten", until="Close every position at the market?")
    assert stack.api().read("/flatten")["state"] == "none"
    pitboss.on_a_terminal("flatten", "--watch", until="flat", type_in="y\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes(pitboss: CommandLine, shell: str):
    assert "_PITBOSS_COMPLETE" in pitboss.says("completion", shell)
    words = pitboss("", COMP_WORDS="pitboss flat", COMP_CWORD="1", _PITBOSS_COMPLETE="bash_complete")
    assert "flatten" in words.stdout


def test_the_page_names_every_command_and_no_other():
    page = (Path(ROOT) / "docs" / "command-line.md").read_text()
    typed = set(re.findall(r"^\$ pitboss ([a-z-]+)", page, re.MULTILINE))
    table = page.split("| | |")[1].split("\n\n")[0]
    named = {words.split()[0] for words in re.findall(r"`([^`]+)`", table) if not words.startswith("-")}
    assert typed <= cli.commands.keys()
    assert cli.commands.keys() <= named
