"""Every snippet of docs/extending.md does what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from client import GateClosed
from tests.support.broker import KEYS
from tests.support.client import TOKENS
from tests.support.stack import ROOT, Stack

PAGE = (Path(ROOT) / "docs" / "extending.md").read_text()
SNIPPETS = dict(re.findall(r"<!-- snippet: (\w+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def environment(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the snippets find in their environment; the gate is open."""
    stack.broker.control("PUT", "/prices", {"SOIL": "9.12"})
    stack.api().do("/start")
    stack.wait_for(lambda: stack.api().read("/gate")["mayOpen"], 10, "the gate is open")
    variables = {
        **stack.env(),
        "PITBOSS_URL": stack.url,
        "PITBOSS_TOKEN": TOKENS["bot"],
        "ALPACA_PAPER_URL": stack.broker.url,
        "ALPACA_PAPER_API_KEY": KEYS["paper"][0],
        "ALPACA_PAPER_API_SECRET": KEYS["paper"][1],
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def run(name: str) -> dict[str, Any]:
    """The names that the snippet leaves behind."""
    names: dict[str, Any] = {}
    exec(compile(SNIPPETS[name], f"extending.md: {name}", "exec"), names)  # noqa: S102 - that is the point
    return names


def test_every_code_block_of_the_page_is_a_tested_snippet() -> None:
    assert len(re.findall(r"^```\w+", PAGE, re.M)) == len(SNIPPETS)
    assert set(SNIPPETS) == {"signal", "executor", "ledger", "shell", "job"}


def test_a_signal_engine_asks_the_gate_and_applies_the_thresholds(
    stack: Stack, environment: dict[str, str]
) -> None:
    worth_trading = run("signal")["worth_trading"]
    assert worth_trading("SOIL", price=9.1, tier=2, relative_volume=8) is True
    assert worth_trading("SOIL", price=20.01, tier=2, relative_volume=8) is False
    assert worth_trading("SOIL", price=9.1, tier=2, relative_volume=4.9) is False
    stack.api().patch("/config", {"enabledCatalystTiers": [1]})
    assert worth_trading("SOIL", price=9.1, tier=2, relative_volume=8) is False
    assert worth_trading("SOIL", price=9.1, tier=1, relative_volume=8) is True
    stack.api().do("/pause")
    assert worth_trading("SOIL", price=9.1, tier=1, relative_volume=8) is False


def test_an_executor_reserves_sends_and_records(stack: Stack, environment: dict[str, str]) -> None:
    closed = run("executor")["closed"]
    row = stack.sql("SELECT * FROM bot_trade")[0]
    assert (row["status"], row["exit_reason"], row["entry_price"]) == (
        "closed",
        "profit_target",
        Decimal("9.12"),
    )
    assert (row["id"], closed.pnl) == (closed.id, 0)
    account = stack.broker.control("GET", f"/accounts/{KEYS['paper'][0]}")
    names = [order["client_order_id"] for order in account["orders"]][-2:]
    assert names == [str(closed.id), f"{closed.id}-exit-1"]
    assert account["positions"] == []


def test_an_executor_stops_at_a_closed_gate_before_it_sends_anything(
    stack: Stack, environment: dict[str, str]
) -> None:
    stack.api().do("/pause")
    stack.broker.forget()
    with pytest.raises(GateClosed):
        run("executor")
    # Pitboss itself may read the account meanwhile
    assert [each for each in stack.broker.calls() if each["method"] != "GET"] == []


def test_a_python_program_uses_the_ledger_directly(
    stack: Stack, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    names = run("ledger")
    assert names["trade"].pnl == Decimal("1.10")
    assert capsys.readouterr().out == "profit: 1.10\n"
    stack.api().do("/kill")
    stack.sql("DELETE FROM bot_ledger_request")
    run("ledger")
    assert capsys.readouterr().out == "not now: disabled, killed, not_running\n"
    names["ledger"]._database.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_a_shell_records_too(stack: Stack, environment: dict[str, str]) -> None:
    for _ in range(2):
        done = subprocess.run(
            ["sh", "-c", SNIPPETS["shell"]], env=environment, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done.stdout
    assert len(stack.sql("SELECT * FROM bot_trade WHERE symbol = 'SOIL' AND status = 'open'")) == 1


def test_a_job_takes_its_hook_and_does_its_work(
    stack: Stack, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "force_close_job.py").write_text(SNIPPETS["job"])
    filled = stack.open_trade("ACME")
    stack.sql("INSERT INTO bot_trade (symbol, entry_price, shares, filled) VALUES ('SOIL', 9, 1, false)")
    # As beat does it: all included modules, then the app is complete.
    script = (
        "from worker.app import app\n"
        "app.conf.include = [*app.conf.include, 'force_close_job']\n"
        "app.loader.init_worker(); app.finalize()\n"
        "for name, entry in app.conf.beat_schedule.items(): print(name, entry['schedule'])\n"
        "print(app.tasks['bot.force_close']())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "bot.beat_lives 10.0",
        "bot.force_close <15 minutes before each close>",
        "1",
    ]
    rows = stack.sql("SELECT id::text, exit_reason, status FROM bot_trade WHERE exit_reason IS NOT NULL")
    assert rows == [{"id": filled, "exit_reason": "force_close", "status": "open"}]
