"""Rows of a newer release, as they stand in the tables while an upgrade is under way, or after one was taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.client import API_TOKENS, TOKENS
from tests.support.tables import Tables
from web.app import create_app

NEWER_COMMAND = """
    INSERT INTO bot_command (id, kind, actor, source, status, from_state, to_state, mode, revision, finished_at)
    VALUES (gen_random_uuid(), 'hedge', 'operator', 'voice', %s, 'dozing', 'hedging', 'shadow', %s, clock_timestamp())
"""
NEWER_REPORT = """
    INSERT INTO bot_reconciliation (trigger, mode, outcome, started_at, differences)
    VALUES ('hourly', 'shadow', 'partial', clock_timestamp(),
        '[{"symbol": "AAPL", "kind": "currency", "here": "1", "there": "2"}]')
"""


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str) -> FlaskClient:
    tables = Tables(database_url)
    tables.sql(NEWER_COMMAND, ["applied", 1])
    tables.sql(NEWER_COMMAND, ["postponed", None])
    tables.sql(NEWER_REPORT)
    tables.close()
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "API_TOKENS": API_TOKENS,
        "SECRET_KEY": "secret-key-of-the-tests",
        "DATA_DIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    return create_app().test_client()


def read(client: FlaskClient, path: str) -> Any:
    answer = client.get(f"/api/bot{path}", headers={"Authorization": f"Bearer {TOKENS['viewer']}"})
    assert answer.status_code == 200, answer.text
    return answer.json


def test_commands_of_a_newer_release_are_shown_as_they_stand(client: FlaskClient):
    postponed, applied = read(client, "/commands")["items"]
    assert (applied["kind"], applied["source"], applied["status"]) == ("hedge", "voice", "applied")
    assert (applied["fromState"], applied["toState"]) == ("dozing", "hedging")
    assert postponed["status"] == "postponed"
    assert read(client, f"/commands/{applied['id']}") == applied


def test_reconciliations_of_a_newer_release_are_shown_as_they_stand(client: FlaskClient):
    (report,) = read(client, "/reconciliations")["items"]
    assert (report["trigger"], report["mode"], report["outcome"]) == ("hourly", "shadow", "partial")
    assert report["differences"][0]["kind"] == "currency"
    last = read(client, "/status")["reconciliation"]
    assert (last["trigger"], last["outcome"]) == ("hourly", "partial")


def test_the_states_of_a_day_show_what_a_newer_release_did(client: FlaskClient):
    before, after = read(client, "/states")["items"]
    assert (before["state"], after["state"], after["mode"]) == ("dozing", "hedging", "shadow")
    assert (after["kind"], after["actor"]) == ("hedge", "operator")


@pytest.mark.parametrize(
    ("schema", "field", "known"),
    [
        ("CommandOut", "kind", "update_config"),
        ("CommandOut", "source", "celery"),
        ("CommandOut", "status", "superseded"),
        ("ReconciliationOut", "trigger", "mode_switch"),
        ("ReconciliationOut", "outcome", "failed"),
        ("StretchOut", "kind", "kill"),
    ],
)
def test_the_document_still_lists_the_values_that_are_known(
    client: FlaskClient, schema: str, field: str, known: str
):
    document: Any = client.get("/openapi.json").json
    schemas = document["components"]["schemas"]
    named = [each.get("$ref", "") for each in schemas[schema]["properties"][field]["anyOf"]]
    listed = [value for name in filter(None, named) for value in schemas[name.rpartition("/")[2]]["enum"]]
    assert known in listed
