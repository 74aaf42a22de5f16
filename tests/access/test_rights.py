"""The table of who may do what is true, call by call. No database is needed: who may gets beyond the door, and finds it away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from bot.settings.settings import Settings
from bot.settings.tokens import ApiToken
from tools import sbom
from tools.docs import rights as document
from web.auth import rights

TOKENS = {name: f"token-{number}-of-the-rights-tests" for number, (name, _) in enumerate(document.HOLDERS)}
API_TOKENS = ",".join(
    f"holder{number}:{name.strip('`')}:{TOKENS[name]}" for number, name in enumerate(TOKENS)
)
ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
        yield document.make_app(api_tokens=API_TOKENS, secret_key="secret-key-of-the-tests")


@pytest.fixture(scope="module")
def calls(app: Flask) -> list[document.Call]:
    return list(document.calls(app))


def address_of(call: document.Call) -> str:
    return re.sub(
        r"<([^>]*)>",
        lambda found: {"name": "swagger-ui.css", "path:filename": "docs.js"}.get(found[1], ID),
        call.rule,
    )


def test_each_call_is_open_to_whom_the_table_says_and_to_nobody_else(
    app: Flask, calls: list[document.Call], subtests: pytest.Subtests
) -> None:
    assert len(calls) > 35
    for call in calls:
        with subtests.test(call=f"{call.method} {call.rule}"):
            check(app, call)


def check(app: Flask, call: document.Call) -> None:
    client, address = app.test_client(), address_of(call)
    method = "HEAD" if address.endswith("/events") else call.method  # a stream has no end
    body = None if call.method in ("GET", "DELETE") else {"mode": "paper"}
    for name, holder in document.HOLDERS:
        answer = client.open(
            address,
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {TOKENS[name]}"},
        )
        answer.close()
        expected = call.is_open_to(*holder)
        assert (answer.status_code not in (401, 403)) is expected, (name, answer.status_code)
    without = client.open(address, method=method, json=body)
    without.close()
    assert (without.status_code == 401) is (call.right is not None)


def test_the_table_in_the_document_is_that_of_the_code(app: Flask) -> None:
    page = document.PAGE.read_text()
    assert document.written(page, document.table(app)) == page, "python -m tools.docs.rights"


def test_every_right_that_a_route_asks_for_is_somebodys(calls: list[document.Call]) -> None:
    assert {call.right for call in calls} - {None} <= set(rights.of(*document.HOLDERS[0][1]))


def test_a_comma_between_the_brackets_of_a_role_parts_no_entry() -> None:
    tokens = Settings(
        _env_file=None,
        database_url="postgresql://a@b/c",
        redis_url="redis://127.0.0.1:1/0",
        api_tokens=f"{API_TOKENS},last:viewer:another-token-of-the-tests[1]",
    ).tokens
    assert [each.name for each in tokens] == ["holder0", "holder1", "holder2", "holder3", "last"]
    assert all(isinstance(each, ApiToken) for each in tokens)
    assert tokens[1].commands == document.NARROWED


def test_the_bill_of_materials_names_every_package_of_the_lock() -> None:
    lock = Path(sbom.LOCK).read_text()
    bill = json.loads(json.dumps(sbom.bill(lock)))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    names = {each["name"] for each in bill["components"]}
    assert {"flask", "celery", "psycopg2-binary", "sqlalchemy"} <= names
    assert len(names) == len(re.findall(r"^[A-Za-z0-9._-]+(?:\[[^\]]*\])?==", lock, re.MULTILINE))
    assert all(each["properties"] for each in bill["components"])
