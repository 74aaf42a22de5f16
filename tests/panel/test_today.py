"""The reads behind the pictures of today."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise


def test_the_states_of_today_have_no_gap_and_end_now(stack):
    operator = stack.api()
    for path in ("/start", "/pause", "/kill", "/kill", "/rearm"):
        operator.do(path)
    found = operator.read("/states")
    items = found["items"]
    assert [(item["state"], item["killed"]) for item in items[-5:]] == [
        ("stopped", False),
        ("running", False),
        ("paused", False),
        ("stopped", True),
        ("stopped", False),
    ]
    assert [item["kind"] for item in items[-4:]] == ["start", "pause", "kill", "rearm"]
    assert items[0]["beganAt"] == found["beginsAt"]
    assert items[-1]["endedAt"] == found["asOf"]
    assert all(one["endedAt"] == other["beganAt"] for one, other in pairwise(items))


def test_pnl_of_today_adds_up_minute_by_minute_and_leaves_yesterday_and_the_other_mode_out(stack):
    stack.sql(
        "INSERT INTO bot_trade (symbol, entry_price, exit_price, shares, pnl, status, exit_at, mode) VALUES"
        " ('A', 10, 11, 5, 5, 'closed', now(), 'paper'), ('B', 10, 9, 20, -20, 'closed', now(), NULL),"
        " ('C', 10, 9, 20, -99, 'closed', now() - interval '2 days', 'paper'),"
        " ('D', 10, NULL, 1, NULL, 'open', NULL, 'paper'), ('E', 10, 11, 5, 7, 'closed', now(), 'live')"
    )
    stack.sql(
        "INSERT INTO bot_trade_exit (trade_id, shares, price, at, pnl, source)"
        " SELECT id, shares, exit_price, exit_at, pnl, 'ledger' FROM bot_trade WHERE pnl IS NOT NULL"
    )
    found = stack.api("viewer").read("/stats/intraday")
    assert sum(point["trades"] for point in found["points"]) == 2
    assert found["points"][-1]["cumulative"] == -15
    assert (found["lossLimitUsd"], found["mode"]) == (500, "paper")
    begins, ends = (datetime.fromisoformat(found[name]) for name in ("beginsAt", "endsAt"))
    assert begins <= datetime.now(UTC) < ends


def test_both_need_a_token_and_are_described(stack):
    paths = stack.api(None).get("//openapi.json").json()["paths"]
    for path in ("/stats/intraday", "/states", "/events"):
        assert "get" in paths[f"/api/bot{path}"]
        assert stack.api(None).get(path).status_code == 401
