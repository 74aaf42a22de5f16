"""What the interface does is what ``/openapi.json`` says. ``script/fuzz`` looks longer.

Requests are made up from the document, valid and invalid; every answer's status, type and shape has to be described in it.
"""

import os
import re
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.client import TOKENS
from tests.support.fixtures import StackFactory
from tests.support.stack import Stack
from web.app import create_app

#: Requests that are made up for each operation, valid ones, and as many invalid ones.
EXAMPLES = int(os.environ.get("API_EXAMPLES", "12"))
#: The short run proves the same each time; a longer one is to find what no other has found.
IS_SHORT = "API_EXAMPLES" not in os.environ
#: What one of the two runs may take. The time limit of a test's own mark beats that of the command line.
MOST_SEC = 900 if IS_SHORT else int(os.environ.get("API_SECONDS", "7200"))
#: Left out: an answer without an end is nothing that a client which reads answers to their end can check. What it says
#: when it has no stream to give is looked at below.
ENDLESS = "/api/bot/events"
#: What is valid by its form may not be allowed in the present state (400, 409), or name what is not there.
FINE = ["2xx", 400, 403, 404, 409]
#: What is not valid may also be too long to be read.
REFUSED = [400, 401, 403, 404, 405, 406, 409, 414, 415, 422, 428, 429, 431, "5xx"]
#: JSON Schema cannot say what is a cursor, and which numbers and times are exact.
FINE_WHERE_FORM_IS_NOT_ALL = {"checks": {"positive_data_acceptance": {"expected-statuses": [*FINE, 422]}}}
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {"expected-statuses": FINE},
            "negative_data_rejection": {"expected-statuses": REFUSED},
            # wrong tokens are limited; tests/api/test_access.py tries them on every address
            "ignored_auth": {"enabled": False},
        },
        "operations": [
            {
                "include-path-regex": "/trades|/settlements|/flatten|/commands$|/reconciliations|/stats/daily|/alerts$",
                **FINE_WHERE_FORM_IS_NOT_ALL,
            },
            {"include-path": "/api/bot/config", **FINE_WHERE_FORM_IS_NOT_ALL},
        ],
    }
)
#: An answer's status, type and shape are those of the document.
DESCRIBED = [status_code_conformance, content_type_conformance, response_schema_conformance]
KEY = "Idempotency-Key"
_numbers = count()
OPERATOR = {"Authorization": f"Bearer {TOKENS['operator']}"}


@pytest.fixture(scope="module")
def stack(make_module_stack: StackFactory) -> Stack:
    """A system of its own: what is made up leaves it in whatever state."""
    return make_module_stack().start()


@pytest.mark.timeout(MOST_SEC)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_described(stack: Stack, subtests: pytest.Subtests, mode: GenerationMode):
    document = schemathesis.openapi.from_url(f"{stack.url}/openapi.json", config=CONFIG)
    for found in document.exclude(path=ENDLESS).get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        with subtests.test(operation=operation.label):
            _look_at(operation, mode)


def _look_at(operation: Any, mode: GenerationMode) -> None:
    @given(case=operation.as_strategy(mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=IS_SHORT,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def look(case: Any) -> None:
        if re.fullmatch(r"[!-~]{1,200}", str(case.headers.get(KEY, ""))):
            # a key that another command had is a conflict, whatever its form
            case.headers[KEY] = f"{next(_numbers)}-{case.headers[KEY]}"[:200]
        case.call_and_validate(headers=OPERATOR, timeout=20)

    with suppress(Unsatisfiable):  # an operation that takes nothing cannot be asked wrongly
        look()


@pytest.mark.parametrize(("status", "token"), [(401, None), (401, "nobody's token"), (503, TOKENS["viewer"])])
def test_what_is_said_instead_of_a_stream_is_described(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, status: int, token: str | None
):
    for name, value in stack.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("web.streaming.status_stream.MOST_STREAMS", 0)
    document = schemathesis.openapi.from_wsgi("/openapi.json", create_app())
    case = document[ENDLESS]["GET"].Case(
        headers={} if token is None else {"Authorization": f"Bearer {token}"}
    )
    answer = case.call()
    assert answer.status_code == status, answer.text
    case.validate_response(answer, checks=DESCRIBED)


def test_the_document_names_every_address(stack: Stack):
    document = requests.get(f"{stack.url}/openapi.json", timeout=15).json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert ("GET", ENDLESS) in described
    assert {("POST", f"/api/bot/{kind}") for kind in ("start", "pause", "resume", "stop", "kill")} < described
