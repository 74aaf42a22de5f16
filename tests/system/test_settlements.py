"""Settlements as operators send them: over REST, and by Celery's command line."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.support.messages import Messages
from tests.support.stack import Stack

WHY = "seen in the broker's dashboard"


def settle(stack: Stack, role: str = "operator", key: str | None = None, **body: Any) -> requests.Response:
    headers = {"Prefer": "wait=10", **({"Idempotency-Key": key} if key else {})}
    return stack.api(role).post("/settlements", {"reason": WHY, **body}, headers=headers)


def differs(stack: Stack, **positions: int | str) -> dict[str, Any]:
    """Let the broker hold these and reconcile; the report."""
    stack.broker.positions("paper", **positions)
    answer = stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    report: dict[str, Any] = answer["reconciliation"]
    assert report["differences"], report
    return report


def missed(stack: Stack, symbol: str = "AAPL") -> str:
    trade = stack.open_trade(symbol)
    stack.sql(
        "UPDATE bot_trade SET status = 'missed', exit_reason = 'reconciled_missing' WHERE id = %s", [trade]
    )
    return trade


def test_a_position_is_adopted_by_rest_and_the_gate_opens_by_itself(stack: Stack):
    report = differs(stack, RIOT=35)
    [found] = report["differences"]
    assert found == {"symbol": "RIOT", "kind": "unknown_here", "here": "0", "there": "35", "tradeIds": []}
    assert (report["suspect"], report["booked"], report["corrected"], report["voided"]) == (0, 0, 0, 0)
    assert report["requests"] >= 3
    stack.api().do("/start")
    assert "not_reconciled" in stack.status()["reasons"]

    answer = settle(stack, action="adopt", symbol="RIOT")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["state"]) == ("applied", "running")
    stack.wait_accepting()
    reports = stack.api().read("/reconciliations?trigger=settle&limit=1")["items"]
    assert reports[0]["differences"] == []
    [trade] = stack.api().read("/trades?symbol=RIOT")["items"]
    assert (trade["id"], trade["shares"], trade["entryPrice"]) == (answer.json()["commandId"], 35, 10)
    row = stack.api().command(answer.json()["commandId"])
    assert (row["kind"], row["actor"], row["reason"]) == ("settle", "operator", WHY)
    assert row["params"] == {"action": "adopt", "symbol": "RIOT"}


def test_the_same_key_settles_once_and_for_another_settlement_it_is_refused(stack: Stack):
    differs(stack, RIOT=35)
    first = settle(stack, key="settle-riot", action="adopt", symbol="RIOT", shares=20)
    again = settle(stack, key="settle-riot", action="adopt", symbol="RIOT", shares=20)
    assert first.status_code == again.status_code == 200
    assert first.json()["commandId"] == again.json()["commandId"]
    assert len(stack.api().read("/trades?symbol=RIOT")["items"]) == 1
    other = settle(stack, key="settle-riot", action="adopt", symbol="RIOT", shares=15)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")


def test_what_there_is_nothing_of_is_a_409_with_a_sentence(stack: Stack):
    trade = stack.open_trade("AAPL")
    answer = settle(stack, action="acknowledge", tradeId=trade)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_settle")
    assert answer.json()["error"] == f"Trade {trade} is open, not missed."
    assert answer.json()["details"]["commandId"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"action"}),
        ({"action": "close"}, {"tradeId", "exitPrice"}),
        ({"action": "adopt", "symbol": "RIOT", "exitPrice": 3}, {"exitPrice"}),
        ({"action": "adopt", "symbol": "RIOT", "shares": 0.1 + 0.2}, {"shares"}),
        ({"action": "ignore", "symbol": "RIOT", "reason": None}, {"reason"}),
        ({"action": "ignore", "symbol": "RIOT", "reason": "  "}, {"reason"}),
        ({"action": "ignore", "symbol": "RIOT", "colour": "red"}, {"colour"}),
    ],
)
def test_each_wrong_field_is_named_in_a_422_and_the_log_has_no_row(
    stack: Stack, body: dict[str, Any], fields: set[str]
):
    rows = len(stack.commands())
    answer = settle(stack, **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation"), answer.text
    assert set(answer.json()["details"]["fields"]) == fields
    assert all(field in answer.json()["error"] for field in fields)
    assert len(stack.commands()) == rows


def test_only_operators_settle(stack: Stack):
    trade = missed(stack)
    for role in ("viewer", "bot"):
        answer = settle(stack, role, action="acknowledge", tradeId=trade)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert settle(stack, action="acknowledge", tradeId=trade).status_code == 200


def test_settlements_can_be_sent_with_celerys_command_line(stack: Stack):
    trade = missed(stack)
    kwargs = {"action": "acknowledge", "tradeId": trade, "reason": "no record of it"}
    called = stack.call("call", "bot.settle", "--kwargs", json.dumps(kwargs))
    assert called.returncode == 0, called.stderr
    row = stack.wait_finished(called.stdout.strip(), 10)
    assert (row["kind"], row["source"], row["actor"]) == ("settle", "celery", "celery")
    assert (row["status"], row["reason"]) == ("applied", "no record of it"), row["error"]
    [event] = stack.sql("SELECT * FROM bot_trade_event WHERE trade_id = %s", [trade])
    assert (event["kind"], event["actor"], event["command_id"]) == ("acknowledged", "celery", row["id"])


def test_numbers_come_as_numbers_or_as_text_and_what_is_wrong_is_in_the_log(stack: Stack):
    messages = Messages(stack.redis.url)

    def outcome(**kwargs: Any) -> tuple[str, str]:
        row = stack.wait_finished(messages.send("settle", **kwargs), 10)
        return row["status"], row["error"] or ""

    trade = stack.open_trade("AAPL")
    assert outcome(action="adjust", tradeId=trade, shares=5, entryPrice=8.5, reason="r") == ("applied", "")
    assert outcome(action="adjust", tradeId=trade, shares="4", entryPrice="8.25", reason="r") == (
        "applied",
        "",
    )
    [row] = stack.sql("SELECT shares, entry_price FROM bot_trade WHERE id = %s", [trade])
    assert (row["shares"], float(row["entry_price"])) == (4, 8.25)
    assert outcome(action="adjust", tradeId=trade, shares=3) == (
        "rejected",
        "reason: is needed: say why.",
    )
    status, error = outcome(action="close", tradeId=trade, reason="r")
    assert (status, error) == ("rejected", "exitPrice: is needed for close.")

    task = messages.send("settle", "adopt")
    stack.wait_for(lambda: f"bot.settle[{task}] succeeded" in stack.worker.log(), 10, "the task has ended")
    hint = """try: celery -A worker call bot.settle --kwargs '{"action": "acknowledge", "tradeId":"""
    assert hint in stack.worker.log().replace('\\"', '"')


def test_the_document_describes_settlements_with_examples_that_it_allows(stack: Stack):
    document = requests.get(f"{stack.url}/openapi.json", timeout=15).json()
    operation = document["paths"]["/api/bot/settlements"]["post"]
    assert {"200", "202", "401", "403", "409", "422", "503"} <= operation["responses"].keys()
    content = operation["requestBody"]["content"]["application/json"]
    shape = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    assert set(shape["required"]) == {"action", "reason"}
    assert {"symbol", "tradeId", "shares", "entryPrice", "exitPrice", "exitAt"} < shape["properties"].keys()
    assert set(content["examples"]) == {"adopt", "adjust", "close"}
    for example in content["examples"].values():
        answer = stack.api().post("/settlements", example["value"], headers={"Prefer": "wait=10"})
        assert answer.status_code == 409, "its form is right; there is nothing of it here"


def test_reports_are_found_by_what_they_came_to(stack: Stack):
    differs(stack, RIOT=35)
    stack.broker.positions("paper")
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    stack.broker.faults({"kind": "500", "path": "/v2/positions"})
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})

    def first(verdict: str) -> dict[str, Any]:
        row: dict[str, Any] = stack.api().read(f"/reconciliations?verdict={verdict}&limit=1")["items"][0]
        return row

    assert first("disagrees")["differences"]
    agreed = first("agrees")
    assert (agreed["outcome"], agreed["differences"], agreed["openTrades"]) == ("ok", [], 0)
    failed = first("failed")
    counts = ("openTrades", "brokerPositions", "matched", "missed", "inFlight", "suspect", "booked", "voided")
    assert [failed[name] for name in counts] == [None] * len(counts)
    assert first("agrees,failed")["id"] == failed["id"]
