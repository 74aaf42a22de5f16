"""What two generators make of /openapi.json works as it comes out of them.

``openapi-python-client`` makes a client, which does what a person would do with it; ``datamodel-code-generator`` makes
models, which read every answer and write every body.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.client import TOKENS
from tests.support.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("stack")]

#: Longest that one generator may take, in seconds.
GENERATED_WITHIN_SEC = 60


def generate(module: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        timeout=GENERATED_WITHIN_SEC,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def specification(shared_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("generated") / "openapi.json"
    file.write_text(requests.get(f"{shared_stack.url}/openapi.json", timeout=10).text)
    return file


class Client:
    """The generated package, with one client of it."""

    def __init__(self, stack: Stack) -> None:
        self.client = importlib.import_module("pitboss_client.client").AuthenticatedClient(
            base_url=stack.url, token=TOKENS["operator"]
        )
        self.models = importlib.import_module("pitboss_client.models")

    def call(self, group: str, operation: str, *arguments: Any, **options: Any) -> Any:
        module = importlib.import_module(f"pitboss_client.api.{group}.{operation}")
        return module.sync_detailed(*arguments, client=self.client, **options)


@pytest.fixture(scope="module")
def client(shared_stack: Stack, specification: Path) -> Iterator[Client]:
    target = specification.parent / "pitboss_client"
    said = generate(
        "openapi_python_client",
        *("generate", "--path", str(specification), "--output-path", str(target), "--meta", "none"),
    )
    assert "WARNING" not in said, said
    assert "ERROR" not in said, said
    sys.path.insert(0, str(specification.parent))
    made = Client(shared_stack)
    yield made
    made.client.get_httpx_client().close()


@pytest.fixture(scope="module")
def models(specification: Path) -> Any:
    target = specification.parent / "pitboss_models.py"
    generate(
        "datamodel_code_generator",
        *("--input", str(specification), "--input-file-type", "openapi", "--output", str(target)),
        *("--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin"),
        *("--target-python-version", "3.11", "--snake-case-field", "--allow-population-by-field-name"),
    )
    sys.path.insert(0, str(specification.parent))
    return importlib.import_module("pitboss_models")


def test_the_generated_client_steers_the_bot(client: Client):
    started = client.call(
        "commands",
        "start",
        body=client.models.ReasonIn(reason="generated"),
        prefer="wait=5",
        idempotency_key="g1",
    )
    assert started.status_code == 200, started.content
    assert started.parsed.state == "running"
    again = client.call(
        "commands", "start", body=client.models.ReasonIn(reason="generated"), idempotency_key="g1"
    )
    assert again.parsed.command_id == started.parsed.command_id

    found = client.call("commands", "get_command", started.parsed.command_id).parsed
    assert (found.kind, found.reason, found.status) == ("start", "generated", "applied")

    later = client.call("commands", "pause", prefer="respond-async")
    assert later.status_code == 202
    assert later.headers["Location"].endswith(str(later.parsed.command_id))

    report = client.call("commands", "reconcile", prefer="wait=10").parsed
    assert report.reconciliation.outcome == "ok"
    assert client.call("commands", "stop").parsed.state == "stopped"

    refused = client.call("commands", "stop")
    assert refused.status_code == 400
    assert refused.parsed.code == "invalid_transition"


def test_the_generated_client_records_a_trade(client: Client):
    models = client.models
    client.call("commands", "start", prefer="wait=5")
    opened = client.call(
        "trades", "open_trade", body=models.OpenTrade(symbol="SOIL", shares=5, entry_price="9.10")
    )
    assert opened.status_code == 201, opened.content
    closed = client.call(
        "trades",
        "close_trade",
        opened.parsed.id,
        body=models.CloseTrade(exit_price=9.4, exit_reason=models.ExitReason.PROFIT_TARGET),
    )
    assert closed.status_code == 409, "it has not filled"
    client.call(
        "trades",
        "record_entry",
        opened.parsed.id,
        body=models.RecordEntry(
            alpaca_order_id="904837e3-3b76-47ec-b432-046db621571b", entry_price="9.12", shares=5
        ),
    )
    closed = client.call(
        "trades",
        "close_trade",
        opened.parsed.id,
        body=models.CloseTrade(exit_price=9.4, exit_reason=models.ExitReason.PROFIT_TARGET),
    )
    assert (closed.status_code, closed.parsed.status) == (200, "closed"), closed.content
    events = client.call("trades", "get_trade_events", opened.parsed.id).parsed
    assert [each.kind for each in events.items][-1] == "opened"
    client.call("commands", "stop")


def test_the_generated_client_filters_by_several_values(client: Client, stack: Stack):
    kinds = client.models.CommandKind
    for kind in ("start", "pause", "resume", "stop"):
        client.call("commands", kind, prefer="wait=5")
    page = client.call("commands", "get_commands", kind=[kinds.PAUSE, kinds.RESUME], limit=2).parsed
    assert [each.kind for each in page.items] == ["resume", "pause"]
    commas = stack.api().read("/commands?kind=pause,resume&limit=2")
    assert [each["id"] for each in commas["items"]] == [str(each.id) for each in page.items]


READS = {
    "account": ("get_account", "get_positions"),
    "records": ("get_trades", "get_daily_stats", "get_reconciliations", "get_intraday", "get_states"),
    "status": ("get_status", "get_gate", "get_config", "get_flatten"),
    "health": ("get_healthz", "get_readyz", "get_metrics"),
}


@pytest.mark.parametrize(
    ("group", "operation"), [(group, name) for group, names in READS.items() for name in names]
)
def test_the_generated_client_reads(client: Client, group: str, operation: str):
    answer = client.call(group, operation)
    assert answer.status_code == 200
    assert answer.parsed is not None


def test_the_generated_models_read_every_answer(models: Any, stack: Stack, specification: Path):
    document = json.loads(specification.read_text())
    looked_at = 0
    for path, operations in document["paths"].items():
        content = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if "{" in path or "application/json" not in content:
            continue
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        needed = {each["name"] for each in operations["get"].get("parameters", ()) if each.get("required")}
        asked = {"target": "live"}
        assert needed <= asked.keys(), path
        answer = stack.api().read(f"/{path}", params={name: asked[name] for name in needed})
        getattr(models, name).model_validate(answer)
        looked_at += 1
    assert looked_at >= 12
    error = stack.api().post("/stop").json()
    assert models.Error.model_validate(error).code == models.ErrorCode.invalid_transition


def test_the_generated_models_write_bodies_that_are_taken(models: Any, stack: Stack):
    stack.api().do("/start")
    trade = models.OpenTrade(symbol="SOIL", shares=5, entry_price="9.10", catalyst_tier=2)
    opened = stack.api("bot").post("/trades", trade.model_dump(mode="json", by_alias=True))
    assert opened.status_code == 201, opened.text
    thresholds = models.ConfigIn(max_concurrent_positions=4, reason="generated")
    changed = stack.api().patch(
        "/config", thresholds.model_dump(mode="json", by_alias=True, exclude_unset=True)
    )
    assert changed.status_code == 200, changed.text
    with pytest.raises(ValueError, match="less than or equal to 1000"):
        models.ConfigIn(max_concurrent_positions=2000)
