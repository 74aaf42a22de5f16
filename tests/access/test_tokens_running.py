"""Kept tokens: added, narrowed, expired, revoked, without a restart."""

from __future__ import annotations

import json
import secrets
import subprocess
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

from client.command_line.__main__ import main
from tests.support import envelope, program
from tests.support.browser import Browser
from tests.support.client import TOKENS, Api
from tests.support.stack import ROOT, Stack

#: Addresses of this machine, beside the usual one.
_addresses = (f"127.0.0.{number}" for number in range(2, 255))


def holds(stack: Stack, token: str, status: int, path: str = "/gate") -> None:
    """Returns when ten answers in a row, from both processes most likely, have this status.

    They are asked for from an address of their own: too many wrong tokens from one would have all who come from there wait.
    """
    address = next(_addresses)

    def ask() -> int:
        with closing(
            HTTPConnection("127.0.0.1", stack.port, timeout=20, source_address=(address, 0))
        ) as line:
            line.request("GET", f"/api/bot{path}", headers={"Authorization": f"Bearer {token}"})
            return line.getresponse().status

    stack.wait_for(lambda: all(ask() == status for _ in range(10)), 5, f"the token gets {status}")


def new_token(tokens, *arguments: str) -> str:
    """A token that was made elsewhere, and is kept."""
    token = secrets.token_urlsafe(32)
    done = tokens("add", *arguments, "--from-stdin", stdin=f"{token}\n")
    assert done.returncode == 0, done.stderr
    return token


def test_a_token_counts_in_every_process_without_a_restart_and_so_does_its_end(
    stack: Stack, tokens, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    assert "is not a terminal" in tokens("add", "desk", "viewer").stderr
    added = subprocess.run(
        [ROOT / "script" / "tokens", "add", "desk", "viewer", "--out", file],
        env=stack.env(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    token = file.read_text().strip()
    assert len(token) > 40
    assert token not in added.stderr + added.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    holds(stack, token, 200)
    browser = Browser(stack.url)
    assert browser.log_in(token).status_code == 303
    assert browser.send("GET", "/gate", browser.csrf()).status_code == 200

    [row] = stack.sql("SELECT * FROM bot_token WHERE name = 'desk'")
    assert token not in str(row)
    assert tokens("revoke", "desk").returncode == 0
    holds(stack, token, 401)
    assert browser.send("GET", "/gate").status_code == 401
    assert "revoked" in tokens("list").stdout
    assert token not in tokens("list").stdout


def test_a_token_ends_by_itself_and_sooner_when_it_is_told_to(stack: Stack, tokens) -> None:
    token = new_token(tokens, "guest", "viewer", "--expires", "1h")
    holds(stack, token, 200)
    assert "guest ends" in tokens("expire", "guest", "1s").stdout
    holds(stack, token, 401)


def test_an_operator_elsewhere_reads_who_holds_a_token_and_sees_none(stack: Stack, tokens) -> None:
    token = new_token(tokens, "risk", "operator[kill,pause]", "--expires", "90d")
    gone = new_token(tokens, "gone", "viewer")
    tokens("revoke", "gone")

    def pitboss(*arguments: str, holder: str = TOKENS["operator"]) -> subprocess.CompletedProcess[str]:
        env = {"PITBOSS_URL": stack.url, "PITBOSS_TOKEN": holder}
        return program.call(main, *arguments, env=env)

    listed = pitboss("tokens")
    assert listed.returncode == 0, listed.stderr
    head, *rows = [line.split("\t") for line in listed.stdout.splitlines()]
    by_name = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert (by_name["operator"]["role"], by_name["operator"]["made"]) == ("operator", "API_TOKENS")
    assert by_name["risk"]["role"] == "operator[kill,pause]"
    assert by_name["risk"]["valid"].startswith("until 20")
    assert "gone" not in by_name
    everyone = pitboss("tokens", "--all", "--json").stdout
    assert [
        row["revokedAt"] is not None
        for row in map(json.loads, everyone.splitlines())
        if row["name"] == "gone"
    ]
    for secret in (
        token,
        gone,
        TOKENS["operator"],
        *(row["hash"] for row in stack.sql("SELECT hash FROM bot_token")),
    ):
        assert secret not in everyone
    holds(stack, token, 200)
    for holder in (token, TOKENS["viewer"], TOKENS["bot"]):
        assert pitboss("tokens", holder=holder).returncode == 3
    # uses are written every half minute; here it is done at once
    stack.sql("UPDATE bot_token SET last_used_at = now(), last_used_from = '10.0.0.7' WHERE name = 'risk'")
    assert "10.0.0.7" in pitboss("tokens").stdout


def test_a_narrowed_token_gives_its_commands_reads_everything_and_nothing_else(stack: Stack, tokens) -> None:
    token = new_token(tokens, "risk", "operator[kill,pause]")
    holds(stack, token, 200)
    api = Api(stack.url, token)
    assert api.post("/kill", {}).status_code == 200
    assert api.get("/commands").status_code == 200
    refused = api.post("/start", {})
    envelope.check(refused, 403, "forbidden")
    assert "kill, pause" in refused.json()["error"]
    for method, path, body in (
        ("POST", "/trades", {}),
        ("PATCH", "/mode", {"mode": "live"}),
        ("POST", "/flatten", {}),
        ("POST", "/kill", {"flatten": True}),
    ):
        assert api.request(method, path, json=body).status_code == 403, path
    row = stack.commands()[-1]
    assert (row["actor"], row["token_name"], row["remote_addr"]) == ("risk", "risk", "127.0.0.1")


def test_a_weak_token_a_taken_name_and_an_unknown_role_are_refused_with_a_sentence(
    tokens, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.write_text("somebody's file")
    for arguments, stdin, said in (
        (("add", "x", "viewer", "--from-stdin"), "short\n", "under 16 characters"),
        (("add", "x", "viewer", "--from-stdin"), "aaaaaaaaaaaaaaaaaaaa\n", "can be guessed"),
        (("add", "x", "viewer", "--from-stdin"), "MyPassword-of-2026!\n", "can be guessed"),
        (("add", "x", "viewer", "--from-stdin"), "0k3f9z7q0k3f9z7q\n", "can be guessed"),
        (("add", "x", "viewer", "--out", str(there)), "", "cannot be written"),
        (("add", "x", "admin"), "", "use operator, viewer or bot"),
        (("add", "x", "viewer[kill]"), "", "only operator[…] can be narrowed"),
        (("add", "x", "operator[sell]"), "", "a command that does not exist"),
        (("add", "a,b", "viewer"), "", "is not a name"),
        (("revoke", "nobody"), "", "There is no stored token 'nobody'"),
    ):
        done = tokens(*arguments, stdin=stdin)
        assert done.returncode == 1, arguments
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert there.read_text() == "somebody's file"
    new_token(tokens, "twice", "viewer")
    again = tokens("add", "twice", "viewer", "--from-stdin", stdin=f"{secrets.token_urlsafe(20)}\n")
    assert "There is a token 'twice' already" in again.stderr


def test_wrong_tokens_lockouts_and_refused_rights_are_logged_counted_and_told(stack: Stack) -> None:
    stack.sql("DELETE FROM bot_alert")
    stack.api("viewer").post("/kill", {})
    wrong = Api(stack.url, "a-wrong-token-of-the-tests")
    for _ in range(90):
        wrong.get("/status")
    for path in ("/kill", "/stop", "/pause"):
        assert stack.api("operator2").post(path, {}).status_code in (200, 202, 400), path
    browser = Browser(stack.url)
    assert browser.log_in().status_code == 303, (
        "a right token is not kept from the login that leads to a kill"
    )

    def kinds() -> set[str]:
        return {row["kind"] for row in stack.sql("SELECT kind FROM bot_alert")}

    stack.wait_for(lambda: kinds() >= {"locked_out", "right_refused"}, 5, "both are told")
    log = stack.logs(whole=True)
    assert '"error_code": "wrong_token"' in log
    assert "too many wrong tokens: the address has to wait" in log
    assert "viewer may not POST /api/bot/kill" in log
    assert '"address": "127.0.0.1"' in log

    def scrape() -> str:
        # one of the two processes does not know the operator yet, and has this address wait
        answer = stack.api("operator").get("//metrics")
        return answer.text if answer.status_code == 200 else ""

    metrics = stack.wait_for(scrape, 10, "the process that knows the operator answers")
    counted = {
        line.split('"')[1]: float(line.rsplit(" ", 1)[1])
        for line in metrics.splitlines()
        if line.startswith("pitboss_access_refused_total")
    }
    assert counted["wrong_token"] >= 30, "after that a process has the address wait"
    assert counted["locked_out"] > 0
    assert counted["forbidden"] >= 1
