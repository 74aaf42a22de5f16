"""Queries are read as they are written, and nothing else is made of them."""

import pytest

from tests.support import envelope
from tests.support.stack import Stack


@pytest.mark.parametrize("value", ["5", "-1.5", "1e9", "today", "2026-13-01", "20261120"])
@pytest.mark.parametrize("query", ["/commands?since=", "/stats/daily?since=", "/stats/daily?until="])
def test_a_number_is_no_time(stack: Stack, query: str, value: str):
    envelope.check(stack.api().get(query + value), 422, "validation")


@pytest.mark.parametrize("moment", ["2026-11-20T00:00:00%2B23:59", "0388-12-24T23:48:29-20:23"])
def test_a_time_has_an_offset_that_a_place_has(stack: Stack, moment: str):
    envelope.check(stack.api().get(f"/commands?since={moment}"), 422, "validation")


@pytest.mark.parametrize(
    "query",
    ["/commands?since=2026-11-20T15:30:00Z", "/commands?since=2026-11-20", "/stats/daily?since=2026-11-20"],
)
def test_a_time_is_one(stack: Stack, query: str):
    assert stack.api().get(query).status_code == 200


@pytest.mark.parametrize(
    "value", ["2026-11-20T00:00:00%2B23:59", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00%2B14:00"]
)
def test_a_time_that_no_clock_shows_is_refused(stack: Stack, value: str):
    body = envelope.check(stack.api().get(f"/commands?since={value}"), 422, "validation")
    assert body["details"]["fields"]["since"]


@pytest.mark.parametrize("value", ["2026-11-20T00:00:00+23:59", "9999-12-31T23:59:59-12:00"])
def test_a_trade_at_a_time_that_no_clock_shows_is_refused(stack: Stack, value: str):
    trade = {"symbol": "AAPL", "shares": 1, "entryPrice": "1", "entryAt": value}
    body = envelope.check(stack.api().post("/trades", trade), 422, "validation")
    assert list(body["details"]["fields"]) == ["entryAt"]
    settlement = {
        "action": "close",
        "tradeId": "00000000-0000-4000-8000-000000000001",
        "exitPrice": "1",
        "exitAt": value,
    }
    body = envelope.check(stack.api().post("/settlements", {**settlement, "reason": "x"}), 422, "validation")
    assert list(body["details"]["fields"]) == ["exitAt"]


def test_what_is_given_twice_is_refused_and_not_half_read(stack: Stack):
    body = envelope.check(stack.api().get("/commands?actor=ann&limit=5&actor=bob"), 422, "validation")
    assert body["details"]["fields"] == {"actor": ["may be given only once"]}
    envelope.check(stack.api(None).get("/commands?actor=ann&actor=bob"), 401, "unauthorized")


def test_a_list_is_given_with_commas_or_in_several(stack: Stack):
    for kind in ("start", "pause", "resume", "stop"):
        stack.api().do(f"/{kind}")
    given = (
        "kind=pause&kind=resume&limit=2",
        "kind=pause,resume&limit=2",
        "kind=stop&kind=pause,resume&limit=3",
    )
    found = [[each["kind"] for each in stack.api().read(f"/commands?{query}")["items"]] for query in given]
    assert found == [["resume", "pause"], ["resume", "pause"], ["stop", "resume", "pause"]]
    body = envelope.check(stack.api().get("/commands?kind=pause&kind=nonsense"), 422, "validation")
    assert list(body["details"]["fields"]) == ["kind.1"]
