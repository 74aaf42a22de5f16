"""/openapi.json: valid, without doubled names, and complete in what a program needs to know."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from bot.trading import trade_requests
from tests.support.document import openapi as openapi_document
from web.http import openapi
from web.http.error_codes import ERROR_CODES
from web.schemas import account, requests, responses, today
from web.schemas import status as status_shapes
from web.schemas.examples import EXAMPLES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return openapi_document(tmp_path_factory.mktemp("data"))


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_it_is_valid(document: Any):
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_no_name_is_there_twice_and_none_has_a_dot(document: Any):
    tags = [tag["name"] for tag in document["tags"]]
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert [name for name, count in Counter([*tags, *ids]).items() if count > 1] == []
    names = [*document["components"]["schemas"], *ids]
    assert [name for name in names if not re.fullmatch(r"[A-Za-z_]+", name)] == []
    assert {tag for _, _, operation in operations(document) for tag in operation["tags"]} == set(tags)


def test_two_schemas_of_one_name_are_noticed():
    schemas = {"A.Mode": {"enum": ["paper"]}, "B.Mode": {"enum": ["live"]}}
    with pytest.raises(ValueError, match="Mode"):
        openapi.complete({"components": {"schemas": schemas}})


def test_it_stands_in_the_order_in_which_one_reads(document: Any):
    assert [tag["name"] for tag in document["tags"]][:2] == ["Status", "Commands"]
    commands = [operation["operationId"] for _, path, operation in operations(document)]
    assert commands.index("start") < commands.index("kill") < commands.index("get_commands")


def test_every_command_says_which_headers_it_reads_and_answers_with(document: Any):
    for method, _, operation in operations(document):
        sent = {each["name"] for each in operation["parameters"] if each["in"] == "header"}
        answers = operation["responses"]
        if method in ("post", "patch") and "Commands" in operation["tags"]:
            assert sent == {"Prefer", "Idempotency-Key"}, operation["operationId"]
            assert set(answers["202"]["headers"]) == {"Location", "Preference-Applied"}
        elif method in ("post", "patch") and "Trades" in operation["tags"]:
            assert sent == {"Idempotency-Key"}, operation["operationId"]
        for status in {"429", "503"} & answers.keys():
            assert "Retry-After" in answers[status]["headers"], operation["operationId"]


def test_a_list_is_described_as_it_is_read(document: Any):
    [kind] = [
        each for each in document["paths"]["/api/bot/commands"]["get"]["parameters"] if each["name"] == "kind"
    ]
    assert (kind["style"], kind["explode"], kind["schema"]["type"]) == ("form", True, "array")


def test_every_code_of_an_error_is_named(document: Any):
    named = set(document["components"]["schemas"]["ErrorCode"]["enum"])
    assert named == set(ERROR_CODES)
    sources = [*(ROOT / "web").rglob("*.py")]
    written = {
        code for file in sources for code in re.findall(r'envelope\(\s*\d+, "(\w+)"', file.read_text())
    }
    assert written
    assert written <= named
    for _, _, operation in operations(document):
        for answer in operation["responses"].values():
            for content in answer.get("content", {}).values():
                assert set(content.get("examples", {})) <= named


def _numbers(schema: Any) -> Iterator[Any]:
    if isinstance(schema, dict):
        if schema.get("type") in ("number", "integer"):
            yield schema
        for each in schema.values():
            yield from _numbers(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _numbers(each)


def test_every_number_that_is_sent_has_its_bounds(document: Any):
    bodies = {
        name for name in document["components"]["schemas"] if name in EXAMPLES and not name.endswith("Out")
    }
    assert {"OpenTrade", "ConfigIn", "SettlementIn"} <= bodies
    for name in bodies:
        for number in _numbers(document["components"]["schemas"][name]):
            assert {"minimum", "exclusiveMinimum"} & number.keys(), (name, number)
            assert "maximum" in number, (name, number)


def test_every_body_has_an_example_and_every_example_is_valid(document: Any):
    sent = {
        content["schema"]["$ref"].rpartition("/")[2]
        for _, _, operation in operations(document)
        for content in operation.get("requestBody", {}).get("content", {}).values()
    }
    assert sent <= EXAMPLES.keys()
    for name, examples in EXAMPLES.items():
        model: type[pydantic.BaseModel] = next(
            getattr(module, name)
            for module in (requests, responses, status_shapes, account, today, trade_requests)
            if hasattr(module, name)
        )
        assert document["components"]["schemas"][name]["examples"] == examples
        for example in examples:
            model.model_validate(example)


def test_an_answer_is_described_as_it_is_written(document: Any):
    schemas = document["components"]["schemas"]
    assert schemas["ConfigOut"]["properties"]["positionSizeUsd"]["type"] == "number"
    assert set(schemas["FlattenOut"]["required"]) == set(schemas["FlattenOut"]["properties"])
