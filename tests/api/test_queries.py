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


def test_what_is_given_twice_is_refused_and_not_half_read(stack: Stack):
    body = envelope.check(stack.api().get("/commands?actor=ann&limit=5&actor=bob"), 422, "validation")
    assert body["details"]["fields"] == {"actor": ["may be given only once"]}
    envelope.check(stack.api(None).get("/commands?actor=ann&actor=bob"), 401, "unauthorized")


def test_a_list_is_given_with_commas_or_in_several(stack: Stack):
    for kind in ("start", "pause", "resume", "stop"):
        stack.api().do(f"/{kind}")
    given = ("kind=pause&kind=resume", "kind=pause,resume", "kind=stop&kind=pause,resume")
    found = [[each["kind"] for each in stack.api().read(f"/commands?{query}")["items"]] for query in given]
    assert found == [["resume", "pause"], ["resume", "pause"], ["stop", "resume", "pause"]]
    body = envelope.check(stack.api().get("/commands?kind=pause&kind=nonsense"), 422, "validation")
    assert list(body["details"]["fields"]) == ["kind.1"]
