"""Alive, ready, and described."""

import pytest
import requests

from tests.support.fixtures import StackFactory
from tests.support.stack import Stack
from web.app import create_app


def test_healthz_and_readyz_need_no_token(stack: Stack):
    anybody = stack.api(None)
    assert anybody.get("//healthz").json() == {"status": "ok"}
    ready = anybody.get("//readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "postgres": "ok", "redis": "ok", "worker": "ok"}


def test_an_unmigrated_database_is_not_ready_and_commands_say_so(
    empty_database_url: str, make_stack: StackFactory
):
    stack = make_stack(database_url=empty_database_url)
    stack.start_web()
    ready = stack.api(None).get("//readyz")
    assert ready.status_code == 503
    assert "db upgrade" in ready.json()["error"]
    refused = stack.api().post("/start")
    assert (refused.status_code, refused.json()["code"]) == (503, "not_migrated")
    assert refused.headers["Retry-After"]
    assert stack.flask("db", "upgrade").returncode == 0
    assert stack.api(None).get("//readyz").status_code == 200


def test_a_database_of_a_newer_release_is_served_and_left_as_it_is(
    database_url: str, make_stack: StackFactory
):
    stack = make_stack(database_url=database_url)
    stack.start_web()
    stack.sql("UPDATE alembic_version SET version_num = '9999'")
    assert stack.api(None).get("//readyz").status_code == 200
    upgrade = stack.flask("db", "upgrade")
    assert (upgrade.returncode, "newer release" in upgrade.stdout) == (0, True), upgrade.stderr
    assert stack.sql("SELECT version_num FROM alembic_version") == [{"version_num": "9999"}]
    assert stack.api().do("/kill")["state"] == "stopped"


def test_a_database_of_an_older_release_is_not_ready(database_url: str, make_stack: StackFactory):
    stack = make_stack(database_url=database_url)
    stack.start_web()
    stack.sql("UPDATE alembic_version SET version_num = '0001'")
    assert stack.api(None).get("//readyz").status_code == 503


def test_the_document_lists_every_route(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    document = requests.get(f"{stack.url}/openapi.json", timeout=5).json()
    assert document["openapi"].startswith("3.")
    listed = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    }
    for name, value in stack.env().items():
        monkeypatch.setenv(name, value)
    app = create_app()
    served = {
        (method, str(rule.rule).replace("<uuid:", "{").replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
        and (rule.rule.startswith("/api/") or rule.rule in ("/healthz", "/readyz", "/metrics"))
    }
    assert served <= listed, f"not in the document: {served - listed}"
    api = {(m, p) for m, p in listed if p.startswith("/api/")}
    assert api <= served, f"in the document only: {api - served}"
    assert {
        ("POST", f"/api/bot/{name}")
        for name in ("start", "pause", "resume", "stop", "kill", "rearm", "reconcile")
    } < api


def test_the_document_describes_every_answer(stack: Stack):
    document = requests.get(f"{stack.url}/openapi.json", timeout=5).json()
    for path, methods in document["paths"].items():
        if not path.startswith("/api/bot/"):
            continue
        for method, operation in methods.items():
            if method == "parameters":
                continue
            assert operation["summary"], f"{method} {path}"
            assert operation.get("security"), f"{method} {path} names no token"
            assert {"401", "503"} <= set(operation["responses"]), f"{method} {path}"
            if method in ("post", "patch") and path.count("/") == 3 and not path.endswith("/trades"):
                assert {"202", "409", "413", "422", "403"} <= set(operation["responses"]), f"{method} {path}"
    assert document["components"]["securitySchemes"]
    _resolve(document, document)


def _resolve(node: object, document: dict[str, object]) -> None:
    """See that every reference leads somewhere."""
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            found: object = document
            for part in reference.removeprefix("#/").split("/"):
                assert isinstance(found, dict), reference
                assert part in found, reference
                found = found[part]
        for child in node.values():
            _resolve(child, document)
    elif isinstance(node, list):
        for child in node:
            _resolve(child, document)


@pytest.mark.parametrize("path", ["/docs", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"])
def test_the_documentation_is_served_from_here(stack: Stack, path: str):
    page = requests.get(f"{stack.url}{path}", timeout=5)
    assert page.status_code == 200
    if path == "/docs":
        assert "https://" not in page.text
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
