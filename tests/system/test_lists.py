"""Lists: newest first, page by page, filtered."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.support import envelope
from tests.support.stack import Stack

COMMAND = [
    "id",
    "seq",
    "kind",
    "params",
    "actor",
    "source",
    "reason",
    "status",
    "fromState",
    "toState",
    "revision",
    "errorCode",
    "error",
    "changes",
    "remoteAddr",
    "tokenName",
    "sentFrom",
    "approvedBy",
    "approvedAt",
    "issuedAt",
    "expiresAt",
    "finishedAt",
]


def pages(stack: Stack, path: str, limit: int) -> list[dict[str, Any]]:
    """All items of a list, gathered page by page."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        more = f"&cursor={cursor}" if cursor else ""
        answer = stack.api("viewer").read(f"{path}{'&' if '?' in path else '?'}limit={limit}{more}")
        assert set(answer) == {"items", "nextCursor"}
        assert len(answer["items"]) <= limit
        found += answer["items"]
        cursor = answer["nextCursor"]
        if cursor is None:
            return found
        assert len(answer["items"]) == limit


def test_the_command_log_is_shown_newest_first_and_whole(stack: Stack):
    for path in ("/start", "/pause", "/pause", "/stop"):
        stack.api().post(path, {"reason": f"to {path}"})
    rows = stack.commands()
    shown = pages(stack, "/commands", limit=50)

    assert [item["seq"] for item in shown] == [row["seq"] for row in reversed(rows)]
    assert [item["kind"] for item in shown[:4]] == ["stop", "pause", "pause", "start"]
    rejected = shown[1]
    assert list(rejected) == COMMAND
    assert rejected["id"] == str(rows[-2]["id"])
    assert (rejected["status"], rejected["errorCode"], rejected["fromState"], rejected["toState"]) == (
        "rejected",
        "invalid_transition",
        "paused",
        None,
    )
    assert (rejected["actor"], rejected["source"], rejected["reason"]) == ("operator", "api", "to /pause")
    assert shown[0]["issuedAt"].endswith("Z")
    assert stack.api("bot").command(rejected["id"]) == rejected


def test_pages_of_the_log_stay_put_while_new_commands_come(stack: Stack):
    first = stack.api().read("/commands?limit=3")
    stack.api().do("/start")
    second = stack.api().read(f"/commands?limit=3&cursor={first['nextCursor']}")
    seqs = [item["seq"] for item in first["items"] + second["items"]]
    assert seqs == sorted(set(seqs), reverse=True)
    assert len(seqs) == 6


def test_the_log_can_be_filtered(stack: Stack):
    since = stack.sql("SELECT clock_timestamp() AS now")[0]["now"].isoformat().replace("+00:00", "Z")
    stack.api("operator2").do("/start")
    stack.api("operator").post("/resume")
    stack.api("operator").do("/kill")

    def kinds(query: str) -> list[str]:
        return [item["kind"] for item in pages(stack, f"/commands?since={since}&{query}", limit=2)]

    assert kinds("") == ["kill", "resume", "start"]
    assert kinds("actor=operator2") == ["start"]
    assert kinds("status=rejected") == ["resume"]
    assert kinds("status=rejected,applied&kind=start,resume") == ["resume", "start"]
    assert kinds("source=api") == ["kill", "resume", "start"]
    assert kinds("source=celery,panel,system") == []
    assert kinds("kind=kill&actor=operator&status=applied&source=api") == ["kill"]


def test_trades_are_listed_newest_first_also_when_they_came_at_the_same_moment(stack: Stack):
    stack.sql(
        "INSERT INTO bot_trade (symbol, entry_price, shares, status, created_at, catalyst_tier, exit_price, pnl)"
        " SELECT symbol, 10.5, n, status, timestamptz '2026-01-02T15:00Z' + (n / 3) * interval '1 s', 2, 11, 0.5 * n"
        " FROM generate_series(1, 7) n,"
        " LATERAL (SELECT CASE WHEN n % 2 = 0 THEN 'AAPL' ELSE 'TSLA' END AS symbol,"
        "   CASE WHEN n < 3 THEN 'open' WHEN n < 6 THEN 'closed' ELSE 'missed' END AS status) s"
    )
    rows = stack.sql("SELECT id FROM bot_trade ORDER BY created_at DESC, id DESC")
    shown = pages(stack, "/trades", limit=2)

    assert [item["id"] for item in shown] == [str(row["id"]) for row in rows]
    assert shown[0]["entryPrice"] == 10.5
    assert {item["symbol"] for item in pages(stack, "/trades?symbol=aapl", limit=2)} == {"AAPL"}
    assert len(pages(stack, "/trades?status=open", limit=1)) == 2
    assert len(pages(stack, "/trades?status=open,missed", limit=1)) == 4
    assert len(pages(stack, "/trades?status=closed&symbol=TSLA", limit=1)) == 2
    assert stack.status()["openPositionCount"] == 2


def test_daily_statistics_are_listed_by_date_and_mode(stack: Stack):
    first = date(2026, 3, 2)
    for day in range(5):
        stack.sql(
            "INSERT INTO bot_daily_stats (date, mode, realized_pnl, trade_count, day_trade_count)"
            " VALUES (%s, 'paper', %s, 3, 1), (%s, 'live', %s, 2, 0)",
            [first + timedelta(days=day), f"{day}.25", first + timedelta(days=day), f"-{day}.5"],
        )
    both = [(item["date"], item["mode"]) for item in pages(stack, "/stats/daily", limit=1)]
    assert both == [
        ((first + timedelta(days=day)).isoformat(), mode)
        for day in (4, 3, 2, 1, 0)
        for mode in ("paper", "live")
    ]
    assert both == [
        (item["date"], item["mode"]) for item in pages(stack, "/stats/daily?mode=live,paper", limit=3)
    ]
    days = [item["date"] for item in pages(stack, "/stats/daily?mode=paper", limit=2)]
    assert days == ["2026-03-06", "2026-03-05", "2026-03-04", "2026-03-03", "2026-03-02"]
    assert [
        item["date"]
        for item in pages(stack, "/stats/daily?mode=paper&since=2026-03-03&until=2026-03-04", limit=1)
    ] == [
        "2026-03-04",
        "2026-03-03",
    ]
    item = stack.api().read("/stats/daily?limit=1")["items"][0]
    assert (item["realizedPnl"], item["tradeCount"], item["dayTradeCount"]) == (4.25, 3, 1)


def test_todays_statistics_are_those_of_new_york_and_of_the_present_mode(stack: Stack):
    stack.sql(
        "INSERT INTO bot_daily_stats (date, mode, realized_pnl, trade_count)"
        " SELECT (clock_timestamp() AT TIME ZONE 'America/New_York')::date, mode, pnl, trades"
        " FROM (VALUES ('paper', -12.34, 5), ('live', 1000, 7)) AS made (mode, pnl, trades)"
    )
    status = stack.status()
    assert (status["todayRealizedPnl"], status["todayTradeCount"]) == (-12.34, 5)


def test_reconciliations_are_listed_and_filtered(stack: Stack):
    stack.broker.faults({"kind": "500"})
    failed = stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    assert (failed["status"], failed["reconciliation"]["outcome"]) == ("applied", "failed")
    assert failed["reconciliation"]["error"]
    stack.broker.heal()
    good = stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    assert good["reconciliation"]["outcome"] == "ok"

    rows = stack.sql("SELECT id FROM bot_reconciliation ORDER BY id DESC")
    assert [item["id"] for item in pages(stack, "/reconciliations", limit=20)] == [row["id"] for row in rows]
    bad = pages(stack, "/reconciliations?outcome=failed&trigger=manual", limit=20)
    assert bad[0]["commandId"] == failed["commandId"]
    assert {(item["outcome"], item["trigger"]) for item in bad} == {("failed", "manual")}
    assert pages(stack, "/reconciliations?trigger=mode_switch", limit=20) == []


@pytest.mark.parametrize("path", ["/commands", "/trades", "/stats/daily", "/reconciliations"])
def test_a_cursor_of_another_list_is_refused(stack: Stack, path: str):
    stack.sql(
        "INSERT INTO bot_daily_stats (date, mode) VALUES ('2026-03-02', 'paper'), ('2026-03-02', 'live')"
    )
    for _ in range(2):
        stack.open_trade()
    other = "/stats/daily" if path != "/stats/daily" else "/trades"
    cursor = stack.api().read(f"{other}?limit=1")["nextCursor"]
    envelope.check(stack.api().get(f"{path}?cursor={cursor}"), 422, "validation")
