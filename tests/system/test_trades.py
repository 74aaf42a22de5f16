"""The ledger over REST, as a program in another language uses it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.support.client import Api
from tests.support.stack import Stack

ORDER = [f"61e69015-8549-4bfd-b9c3-{number:012}" for number in range(3)]
OPENING = {"symbol": "ACME", "shares": 10, "entryPrice": 10.25}
EXIT = {"exitPrice": "11.25", "exitReason": "profit_target"}


@pytest.fixture
def bot(stack: Stack) -> Api:
    """The bot's token, and a gate that is open."""
    stack.api().do("/start")
    stack.wait_for(lambda: stack.api().read("/gate")["mayOpen"], 10, "the gate is open")
    return stack.api("bot")


def answer(response: requests.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()
    return found


def opened(bot: Api, **changes: Any) -> dict[str, Any]:
    return answer(bot.post("/trades", {**OPENING, **changes}), 201)


def test_a_bot_records_the_life_of_a_trade(bot: Api) -> None:
    response = bot.post("/trades", {**OPENING, "catalystTier": 1, "catalystType": "news"})
    trade = answer(response, 201)
    assert response.headers["Location"] == f"/api/bot/trades/{trade['id']}"
    path = f"/trades/{trade['id']}"
    assert (trade["status"], trade["filled"], trade["mode"]) == ("open", False, "paper")
    sent = answer(bot.post(f"{path}/entry", {"alpacaOrderId": ORDER[1]}), 200)
    assert (sent["alpacaOrderId"], sent["filled"]) == (ORDER[1], False)
    fill = {"alpacaOrderId": ORDER[1], "entryPrice": "10.50", "shares": 8, "entryAt": "2026-11-19T15:00:00Z"}
    assert answer(bot.post(f"{path}/entry", fill), 200)["filled"] is True
    marked = answer(bot.post(f"{path}/exit-reason", {"exitReason": "trailing_stop"}), 200)
    assert (marked["status"], marked["exitReason"]) == ("open", "trailing_stop")
    exit_ = {"exitPrice": 11.25, "exitAt": "2026-11-19T15:05:00.123456789Z", "alpacaExitOrderId": ORDER[2]}
    closed = answer(bot.post(f"{path}/close", exit_), 200)
    expected = {
        "status": "closed",
        "entryPrice": 10.5,
        "shares": 8,
        "exitPrice": 11.25,
        "pnl": 6.0,
        "exitReason": "trailing_stop",
        "entryAt": "2026-11-19T15:00:00Z",
        "exitAt": "2026-11-19T15:05:00.123456Z",
        "alpacaExitOrderId": ORDER[2],
        "catalystType": "news",
        "catalystTier": 1,
    }
    assert expected.items() <= closed.items()
    assert bot.read(path) == closed
    day = bot.read("/stats/daily")["items"][0]
    assert (day["date"], day["realizedPnl"], day["tradeCount"], day["dayTradeCount"]) == (
        "2026-11-19",
        6.0,
        1,
        1,
    )


def test_a_trade_that_never_filled_is_withdrawn(bot: Api) -> None:
    trade = opened(bot)
    void = answer(bot.post(f"/trades/{trade['id']}/void", {"note": "rejected"}), 200)
    assert (void["status"], void["note"]) == ("void", "rejected")
    assert bot.status()["openPositionCount"] == 0
    assert answer(bot.post(f"/trades/{opened(bot)['id']}/void"), 200)["status"] == "void"


def test_who_may_read_may_not_record(stack: Stack, bot: Api) -> None:
    trade = opened(bot)
    steps = [
        "/trades",
        *(f"/trades/{trade['id']}/{step}" for step in ("entry", "void", "exit-reason", "close")),
    ]
    for step in steps:
        assert answer(stack.api("viewer").post(step, OPENING), 403)["code"] == "forbidden"
        assert answer(stack.api(None).post(step, OPENING), 401)["code"] == "unauthorized"
    assert stack.api("viewer").read(f"/trades/{trade['id']}")["status"] == "open"


def test_a_bot_may_record_but_not_command(stack: Stack, bot: Api) -> None:
    for command in ("start", "stop", "kill", "reconcile"):
        assert bot.post(f"/{command}").status_code == 403
    assert stack.status()["state"] == "running"


def test_an_operator_records_what_the_bot_could_not(stack: Stack, bot: Api) -> None:
    trade = opened(bot, alpacaOrderId=ORDER[1])
    operator = stack.api()
    operator.do("/kill")
    closed = answer(operator.post(f"/trades/{trade['id']}/close", EXIT), 200)
    assert (closed["status"], closed["pnl"]) == ("closed", 10.0)


def test_a_closed_gate_is_a_409_with_every_reason(stack: Stack, bot: Api) -> None:
    stack.api().do("/kill")
    refused = answer(bot.post("/trades", OPENING), 409)
    assert refused == {
        "error": "The gate is closed (disabled, killed, not_running): nothing was opened.",
        "code": "gate_closed",
        "details": {"reasons": ["disabled", "killed", "not_running"]},
    }
    assert stack.sql("SELECT * FROM bot_trade") == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["entryPrice", "shares", "symbol"]),
        ({**OPENING, "symbol": "acme", "shares": 0}, ["shares", "symbol"]),
        ({**OPENING, "entryPrice": 0.1 + 0.2}, ["entryPrice"]),
        ({**OPENING, "entryPrice": "ten"}, ["entryPrice"]),
        ({**OPENING, "entryPrice": -1}, ["entryPrice"]),
        ({**OPENING, "entryPrice": True}, ["entryPrice"]),
        ({**OPENING, "entryPrice": None}, ["entryPrice"]),
        ({**OPENING, "catalystTier": 5}, ["catalystTier"]),
        ({**OPENING, "entryAt": "2126-01-01T00:00:00Z"}, ["entryAt"]),
        ({**OPENING, "entryAt": "2026-01-01T00:00:00"}, ["entryAt"]),
        ({**OPENING, "entryAt": 5}, ["entryAt"]),
        ({**OPENING, "note": "\0"}, ["note"]),
        ({**OPENING, "colour": "red"}, ["colour"]),
    ],
)
def test_each_bad_field_is_named(bot: Api, body: dict[str, Any], fields: list[str]) -> None:
    refused = answer(bot.post("/trades", body), 422)
    assert refused["code"] == "validation"
    assert sorted(refused["details"]["fields"]) == fields
    assert all(f"{name}: " in refused["error"] for name in fields)


def test_bad_fields_of_the_later_steps_are_named_too(bot: Api) -> None:
    trade = opened(bot, alpacaOrderId=ORDER[1])
    path = f"/trades/{trade['id']}"
    for step, body, field in (
        ("close", {"exitPrice": "11"}, "exitReason"),
        ("close", {"exitPrice": "11", "exitReason": "boredom"}, "exitReason"),
        ("close", {"exitPrice": "11", "exitReason": "reconciled_missing"}, "exitReason"),
        ("close", {**EXIT, "exitAt": "2026-01-01T00:00:00Z"}, "exitAt"),
        ("close", {"exitReason": "time_exit"}, "exitPrice"),
        ("exit-reason", {}, "exitReason"),
        ("entry", {}, "alpacaOrderId"),
        ("entry", {"alpacaOrderId": ORDER[1], "shares": 5}, "body"),
    ):
        refused = answer(bot.post(f"{path}/{step}", body), 422)
        assert list(refused["details"]["fields"]) == [field], refused
    assert answer(bot.post("/trades", data="{", headers={"Content-Type": "application/json"}), 400)


def test_decimal_text_and_numbers_come_back_as_numbers(bot: Api) -> None:
    first = opened(bot, entryPrice="10.25", shares="-2.5", alpacaOrderId=ORDER[1])
    second = opened(bot, entryPrice=10.25, shares=-2.5, alpacaOrderId=ORDER[2])
    for trade in (first, second):
        assert (trade["entryPrice"], trade["shares"]) == (10.25, -2.5)


def test_what_is_recorded_otherwise_is_a_409_that_names_the_trade(bot: Api) -> None:
    trade = opened(bot, alpacaOrderId=ORDER[1])
    refused = answer(bot.post("/trades", {**OPENING, "alpacaOrderId": ORDER[1], "shares": 9}), 409)
    assert refused["code"] == "trade_conflict"
    assert refused["details"] == {"tradeId": trade["id"], "fields": ["shares"]}
    assert opened(bot, alpacaOrderId=ORDER[1])["id"] == trade["id"]


def test_parts_of_an_exit_and_a_correction_show_in_the_trades_events(bot: Api, stack: Stack) -> None:
    trade = opened(bot, alpacaOrderId=ORDER[1])
    path = f"/trades/{trade['id']}"
    part = {"shares": "4", "exitPrice": "11.25", "alpacaExitOrderId": ORDER[2], "exitReason": "hard_stop"}
    key = {"Idempotency-Key": str(uuid4())}
    for _ in range(2):
        left = answer(bot.post(f"{path}/exits", part, headers=key), 200)
        assert (left["status"], left["exitedShares"], left["pnl"]) == ("open", 4, None)
    assert stack.status()["todayRealizedPnl"] == 4
    refused = answer(bot.post(f"{path}/exits", {**part, "shares": 7}), 409)
    assert refused["code"] == "trade_conflict"
    assert "settle that with adjust" in refused["error"]
    closed = answer(bot.post(f"{path}/exits", {"shares": 6, "exitPrice": 102.5}), 200)
    assert (closed["status"], closed["pnl"]) == ("closed", 557.5)
    correction = {"exitPrice": "10.50", "reason": "102.5 was a typo"}
    assert bot.patch(path, correction).status_code == 403, "a program corrects nothing"
    operator = stack.api()
    assert answer(operator.patch(path, {"exitPrice": 10.5}), 422)["details"]["fields"].keys() == {"reason"}
    fixed = answer(operator.patch(path, correction), 200)
    assert (fixed["pnl"], fixed["exitPrice"]) == (2.5, 10.5)
    assert (stack.status()["todayRealizedPnl"], stack.status()["todayTradeCount"]) == (2.5, 1)

    viewer = stack.api("viewer")
    first = viewer.read(f"{path}/events?limit=3")
    rest = viewer.read(f"{path}/events?limit=3&cursor={first['nextCursor']}")
    told = first["items"] + rest["items"]
    assert [item["kind"] for item in told] == ["corrected", "closed", "exit_booked", "opened"]
    assert rest["nextCursor"] is None
    assert (told[0]["reason"], told[0]["actor"]) == (
        "102.5 was a typo",
        operator.read("/commands")["items"][0]["actor"],
    )
    assert (told[0]["before"]["pnl"], told[0]["after"]["pnl"]) == ("557.5", "2.5")
    assert told[2]["requestKey"] == key["Idempotency-Key"]
    assert answer(viewer.get(f"/trades/{uuid4()}/events"), 404)["code"] == "not_found"


def test_an_unknown_trade_is_a_404(bot: Api) -> None:
    for response in (bot.get(f"/trades/{uuid4()}"), bot.post(f"/trades/{uuid4()}/close", EXIT)):
        assert answer(response, 404)["code"] == "not_found"
    assert answer(bot.get("/trades/7"), 404)["code"] == "not_found"


def test_the_same_key_and_body_are_one_trade(stack: Stack, bot: Api) -> None:
    headers = {"Idempotency-Key": "signal-17"}
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(bot.post, "/trades", OPENING, headers=headers) for _ in range(8)]
        ids = {answer(call.result(), 201)["id"] for call in calls}
    assert len(ids) == 1
    assert len(stack.sql("SELECT * FROM bot_trade")) == 1
    stack.api().do("/stop")
    assert answer(bot.post("/trades", OPENING, headers=headers), 201)["id"] in ids


def test_a_key_with_another_body_or_of_a_wrong_form_is_a_422(bot: Api) -> None:
    headers = {"Idempotency-Key": "signal-17"}
    trade = answer(bot.post("/trades", OPENING, headers=headers), 201)
    refused = answer(bot.post("/trades", {**OPENING, "shares": 9}, headers=headers), 422)
    assert (refused["code"], refused["details"]) == ("idempotency_conflict", {"tradeId": trade["id"]})
    refused = answer(bot.post("/trades", OPENING, headers={"Idempotency-Key": "a b"}), 422)
    assert list(refused["details"]["fields"]) == ["Idempotency-Key"]


def test_the_description_of_the_interface_covers_every_step(stack: Stack) -> None:
    document = requests.get(f"{stack.url}/openapi.json", timeout=10).json()
    paths = {path: row for path, row in document["paths"].items() if re.match(r"/api/bot/trades", path)}
    steps = {"close", "entry", "events", "exit-reason", "exits", "void"}
    assert set(paths) == {
        "/api/bot/trades",
        "/api/bot/trades/{trade_id}",
        *(f"/api/bot/trades/{{trade_id}}/{step}" for step in steps),
    }
    for path, row in paths.items():
        for operation in (row[method] for method in ("post", "patch") if method in row):
            assert operation["summary"]
            assert {"401", "403", "409", "422", "503"} <= operation["responses"].keys(), path
            headers = [each["name"] for each in operation["parameters"] if each["in"] == "header"]
            assert headers == ["Idempotency-Key"], path
    price = document["components"]["schemas"]["OpenTrade"]["properties"]["entryPrice"]
    assert {each["type"] for each in price["anyOf"]} == {"number", "string"}
