"""Who may ask for what: every call needs a valid token and a role that may; a rejected one leaves nothing in the log."""

import pytest
import requests

from tests.support import envelope
from tests.support.client import TOKENS
from tests.support.stack import Stack
from tests.system.calls import COMMANDS, body_of

READS = ["/status", "/config", "/commands", "/trades", "/stats/daily", "/reconciliations", "/gate"]


@pytest.mark.parametrize("token", [None, "wrong-token-of-the-tests", "", "ünïcode-token-öf-the-tests"])
def test_every_call_needs_a_valid_token(api: Stack, token: str | None):
    headers = {} if token is None else {"Authorization": f"Bearer {token}".encode()}
    for method, path in [*COMMANDS, *(("GET", path) for path in READS)]:
        response = api.api(None).request(method, path, json=body_of(path) or None, headers=headers)  # type: ignore[arg-type]
        envelope.check(response, 401, "unauthorized")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header", ["Basic b3BlcmF0b3I6eA==", "Bearer", TOKENS["operator"], f"Token {TOKENS['operator']}"]
)
def test_other_schemes_are_no_token(api: Stack, header: str):
    envelope.check(api.api(None).post("/start", headers={"Authorization": header}), 401, "unauthorized")


def test_a_token_in_the_address_is_no_token(api: Stack):
    response = api.api(None).get(f"/status?token={TOKENS['operator']}&access_token={TOKENS['operator']}")
    envelope.check(response, 401, "unauthorized")


@pytest.mark.parametrize("role", ["viewer", "bot"])
@pytest.mark.parametrize(("method", "path"), COMMANDS)
def test_only_operators_may_send_commands(api: Stack, role: str, method: str, path: str):
    response = api.api(role).request(method, path, json=body_of(path))
    assert role in envelope.check(response, 403, "forbidden")["error"]


def test_a_viewer_may_do_nothing_but_read_on_any_path_of_the_document(api: Stack):
    document = requests.get(f"{api.url}/openapi.json", timeout=5).json()
    writes = [
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if path.startswith("/api/bot/") and method in ("post", "patch", "put", "delete")
    ]
    assert {(method, f"/api/bot{path}") for method, path in COMMANDS} <= set(writes)
    for method, path in writes:
        path = path.removeprefix("/api/bot").replace("{", "").replace("}", "")
        response = api.api("viewer").request(method, path, json={})
        assert response.status_code in (403, 404), f"{method} {path}: {response.status_code} {response.text}"


@pytest.mark.parametrize("role", ["operator", "viewer", "bot"])
@pytest.mark.parametrize("path", READS)
def test_every_role_may_read(api: Stack, role: str, path: str):
    assert api.api(role).get(path).status_code == 200
