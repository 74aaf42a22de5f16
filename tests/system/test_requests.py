"""Bad requests: the right status and the envelope, never a stack trace, and nothing in the log."""

import json
import socket
from collections.abc import Iterator

import pytest
import requests

from tests.support import envelope
from tests.support.client import TOKENS
from tests.support.stack import Stack
from tests.system.calls import COMMANDS, body_of

LIMIT = 64 * 1024
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(("method", "path"), COMMANDS)
def test_an_unknown_field_is_refused_and_named(api: Stack, method: str, path: str):
    response = api.api().request(method, path, json={**body_of(path), "resaon": "a typo"})
    refused = envelope.check(response, 422, "validation")
    assert list(refused["details"]["fields"]) == ["resaon"]
    assert "resaon" in refused["error"]


@pytest.mark.parametrize("reason", [7, True, [], {}, "x" * 501, "nul \x00", "lone \ud800 surrogate"])
def test_a_reason_of_the_wrong_type_or_size_or_that_cannot_be_stored_is_refused(api: Stack, reason: object):
    refused = envelope.check(
        api.api().post("/start", data=json.dumps({"reason": reason}), headers=JSON), 422, "validation"
    )
    assert "reason" in refused["details"]["fields"]


@pytest.mark.parametrize("mode", ["", "demo", "LIVE", 1, None, ["live"], {"live": 1}, "live\x00"])
def test_a_mode_that_does_not_exist_is_refused(api: Stack, mode: object):
    refused = envelope.check(api.api().patch("/mode", {"mode": mode}), 422, "validation")
    assert "mode" in refused["details"]["fields"]


def test_a_mode_is_needed(api: Stack):
    assert "mode" in envelope.check(api.api().patch("/mode", {}), 422, "validation")["details"]["fields"]


def test_a_change_of_nothing_is_refused(api: Stack):
    envelope.check(api.api().patch("/config", {}), 422, "validation")
    envelope.check(api.api().patch("/config", {"reason": "why not"}), 422, "validation")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("positionSizeUsd", "500"),
        ("positionSizeUsd", 0),
        ("positionSizeUsd", True),
        ("positionSizeUsd", None),
        ("positionSizeUsd", 1e400),
        ("positionSizeUsd", float("nan")),
        ("positionSizeUsd", 0.001),
        ("minWinRate", 1.01),
        ("minWinRate", -0.1),
        ("maxConcurrentPositions", 1.5),
        ("maxConcurrentPositions", 0),
        ("maxConcurrentPositions", 10**30),
        ("maxHoldDurationSec", -1),
        ("enabledCatalystTiers", [0]),
        ("enabledCatalystTiers", [1, 1]),
        ("enabledCatalystTiers", [5]),
        ("enabledCatalystTiers", "1,2"),
        ("enabledCatalystTiers", [True]),
        ("hardStopLossPct", 101),
        ("maxSharePrice", {}),
        ("countOpenLoss", 1),
        ("countOpenLoss", "true"),
    ],
)
def test_a_threshold_of_the_wrong_type_or_out_of_its_range_is_refused(api: Stack, name: str, value: object):
    response = api.api().patch("/config", data=json.dumps({name: value}), headers=JSON)
    fields = envelope.check(response, 422, "validation")["details"]["fields"]
    assert [field.partition(".")[0] for field in fields] == [name]


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "{'reason': 'x'}",
        "reason=x",
        '{"reason": "x"',
        '{"reason": "x"}}',
        "\x00",
        "[" * 30_000,
        '{"a":' * 10_000,
        '{"reason": ' + "9" * 60_000 + "}",
    ],
    ids=lambda body: str(body)[:12],
)
def test_a_body_that_is_not_json_is_refused(api: Stack, body: str):
    response = api.api().post("/start", data=body, headers=JSON)
    assert response.status_code in (400, 422)
    envelope.check(
        response, response.status_code, {400: "bad_request", 422: "validation"}[response.status_code]
    )


@pytest.mark.parametrize("body", [b"\xff\xfe{", b'{"reason": "\xff"}', b"\xef\xbb\xbf{}x"])
def test_a_body_that_is_not_text_is_refused(api: Stack, body: bytes):
    envelope.check(api.api().post("/start", data=body, headers=JSON), 400, "bad_request")


@pytest.mark.parametrize("body", ["[]", "null", '"start"', "7", "true", "[" * 100 + "]" * 100])
def test_a_body_that_is_no_object_is_refused(api: Stack, body: str):
    response = api.api().post("/start", data=body, headers=JSON)
    assert response.status_code in (400, 422)
    envelope.check(
        response, response.status_code, {400: "bad_request", 422: "validation"}[response.status_code]
    )


@pytest.mark.parametrize("path", ["/start", "/kill"])
def test_a_body_over_64_kib_is_refused(api: Stack, path: str):
    body = json.dumps({"reason": "x" * LIMIT}).encode()
    envelope.check(api.api().post(path, data=body, headers=JSON), 413, "body_too_large")


@pytest.mark.parametrize("path", ["/start", "/kill"])
def test_a_body_over_64_kib_that_does_not_say_its_length_is_refused(api: Stack, path: str):
    def chunks() -> Iterator[bytes]:
        yield b'{"reason": "what was read so far would be fine"}'
        for _ in range(9):
            yield b" " * 8192

    envelope.check(api.api().post(path, data=chunks(), headers=JSON), 413, "body_too_large")


def test_a_body_that_claims_to_be_huge_is_refused_without_being_read(api: Stack):
    with socket.create_connection(("127.0.0.1", api.port), timeout=5) as connection:
        connection.sendall(
            b"POST /api/bot/kill HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
            + f"Authorization: Bearer {TOKENS['operator']}\r\nContent-Length: 1000000000\r\n\r\n".encode()
        )
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/commands/7",
        "/commands/00000000-0000-4000-8000-000000000000",
        "/start/",
        "//nothing",
        "//api/bot",
        "//%00",
        "//..%2f..%2fetc/passwd",
    ],
)
def test_an_unknown_address_is_not_found(api: Stack, path: str):
    envelope.check(api.api().get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/start"),
        ("DELETE", "/commands"),
        ("PUT", "/config"),
        ("POST", "/status"),
        ("DELETE", "//healthz"),
    ],
)
def test_a_wrong_method_is_refused_and_the_right_ones_are_named(api: Stack, method: str, path: str):
    response = api.api().request(method, path)
    envelope.check(response, 405, "method_not_allowed")
    assert response.headers["Allow"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/commands?limit=0", "limit"),
        ("/commands?limit=201", "limit"),
        ("/commands?limit=ten", "limit"),
        ("/commands?kind=fly", "kind"),
        ("/commands?status=queued,lost", "status"),
        ("/commands?since=yesterday", "since"),
        ("/commands?cursor=garbage", "cursor"),
        ("/commands?cursor=%00", "cursor"),
        ("/commands?sort=up", "sort"),
        ("/commands?actor=%00", "actor"),
        ("/trades?status=lost", "status"),
        ("/trades?symbol=%00", "symbol"),
        ("/stats/daily?since=2026-13-01", "since"),
        ("/reconciliations?outcome=good", "outcome"),
        ("/reconciliations?limit=1e3", "limit"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_and_named(api: Stack, path: str, field: str):
    refused = envelope.check(api.api().get(path), 422, "validation")
    assert any(name.startswith(field) for name in refused["details"]["fields"]), refused


def test_a_body_in_chunks_is_fine(stack: Stack):
    done = stack.api().post("/start", data=iter([b'{"reason":', b' "in pieces"}']), headers=JSON)
    assert (done.status_code, stack.commands()[-1]["reason"]) == (200, "in pieces")


def test_no_body_at_all_is_fine(stack: Stack):
    assert stack.api().post("/start").status_code == 200
    assert stack.api().post("/pause", data=b"", headers=JSON).status_code == 200
    assert stack.api().post("/resume", {}).status_code == 200


def test_errors_carry_the_security_headers_too(api: Stack):
    for response in (api.api().get("/nothing"), api.api(None).get("/status"), api.api().get("/status")):
        has_the_security_headers(response)


def has_the_security_headers(response: requests.Response) -> None:
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/api/bot/status?x=" + "x" * 5000, {}, 414, "uri_too_long"),
        ("/api/bot/status", {"X-Long": "x" * 10_000}, 431, "headers_too_large"),
        ("/api/bot/status", {"Transfer-Encoding": "chunked", "Content-Length": "1"}, 400, "bad_request"),
    ],
)
def test_what_gunicorn_refuses_by_itself_comes_in_the_envelope_with_the_security_headers(
    stack: Stack, path: str, headers: dict[str, str], status: int, code: str
):
    answer = requests.get(stack.url + path, headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"error", "code", "details"}
    assert answer.headers["Content-Type"] == "application/json"
    has_the_security_headers(answer)
