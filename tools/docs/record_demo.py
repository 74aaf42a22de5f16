"""Runs ``script/server --demo``, plays an operator, and writes what happened to ``docs/proofs/demo.md``.

    .venv/bin/python -m tools.docs.record_demo

All that stands in the code blocks was printed or answered in that run; only tokens and passwords are blanked out.
"""

import tempfile
import time
from decimal import Decimal
from typing import Any

from tools.docs.recording import ROOT, Recording

PAGE = ROOT / "docs" / "proofs" / "demo.md"
HEAD = """# A run of the demo

Recorded by `tools/docs/record_demo.py` from `script/server --demo`: a real run, with the simulated broker. The lines of the bot are
those that `script/server` shows, with the seconds since the recording began.
"""


def play(run: Recording) -> None:
    run.say("## It waits for a start")
    run.show("demo", "  (?:panel|account|demo)", " +MARKET")
    run.call("GET", "/gate")
    run.call("POST", "/start", reason="the demo")
    run.wait("sold", 60)
    time.sleep(6)
    run.show("demo")

    run.say("## Paused: it opens nothing and still exits what is open")
    run.call("POST", "/pause", reason="lunch")
    run.wait("sold")
    time.sleep(16)
    run.show("demo")
    run.call("GET", "/status", show=_glance)

    run.say("## Stopped: it does nothing, even with positions open")
    run.call("POST", "/resume")
    run.wait("bought")
    time.sleep(4)
    run.show("demo")
    run.call("POST", "/stop", reason="enough")
    run.wait("not_running")
    run.show("demo")
    run.say("Fifteen seconds later, which is longer than it holds a position:")
    time.sleep(15)
    run.show("demo")
    run.call("GET", "/status", show=_glance)
    held = run.broker("GET", f"/accounts/{run.key}")["positions"]
    run.say(f"The broker holds {', '.join(row['qty'] + ' ' + row['symbol'] for row in held) or 'nothing'}.")

    run.say(
        "## Killed in the middle of an order\n\nThe bot is started again, and paused until it has sold what it held. Then the"
        " broker is told to send its answers to orders a byte at a time. While the bot reads such an answer, bot and worker"
        " are killed with -9: the order has filled, and nobody has recorded it."
    )
    run.call("POST", "/start", show=_state)
    run.call("POST", "/pause", show=_state)
    _await_flat(run)
    run.show("demo")
    run.broker("PUT", "/faults", [{"kind": "drip", "path": "/v2/orders", "method": "POST"}])
    run.call("POST", "/resume", show=_state)
    known = {order["id"] for order in run.broker("GET", f"/accounts/{run.key}")["orders"]}
    order = _await_buy(run, known)
    run.kill_9("examples.demo_bot")
    run.kill_9("-m worker worker")
    run.broker("DELETE", "/faults")
    run.show("demo", "pitboss")
    path = f"/trades/{order['client_order_id']}"
    run.call("GET", path, show=_trade)
    run.say(
        f"At the broker the order is `{order['status']}`: {order['filled_qty']} at {order['filled_avg_price']}."
    )
    run.say("The launcher starts both again. The bot settles the trade, and the worker reconciles:")
    run.wait("reconciliation (startup", 60)
    run.wait("bought", 60)
    run.show("demo", "pitboss", r"worker +\| .*reconciliation")
    run.call("GET", "/reconciliations?limit=1", show=lambda page: _report(page["items"][0]))
    run.call("GET", path, show=_trade)

    run.say("## Killed, by the operator")
    run.call("POST", "/pause", show=_state)
    _await_flat(run)
    run.call("POST", "/kill", reason="end of the demo")
    run.wait("killed")
    run.show("demo")
    run.call("POST", "/start")

    run.say("## What the books say")
    trades = run.call("GET", "/trades?limit=200", show=lambda page: f"{len(page['items'])} trades")["items"]
    for trade in trades:
        trade["id"] = trade["id"][:8]
    run.table(
        trades[::-1], "id", "symbol", "shares", "entryPrice", "exitPrice", "pnl", "exitReason", "status"
    )
    days = run.call("GET", "/stats/daily", show=lambda page: page["items"])["items"]
    account = run.broker("GET", f"/accounts/{run.key}")
    booked = sum((Decimal(str(day["realizedPnl"])) for day in days), Decimal(0))
    same = "the same" if booked == Decimal(account["realized_pl"]) else "NOT the same"
    run.say(
        f"The broker realized {account['realized_pl']} dollars: {same}, and holds {len(account['positions'])} positions."
    )


def _await_flat(run: Recording) -> None:
    for _ in range(120):
        if not run.broker("GET", f"/accounts/{run.key}")["positions"]:
            time.sleep(2)
            return
        time.sleep(0.5)
    raise SystemExit("the positions were not sold")


def _state(row: dict[str, Any]) -> dict[str, Any]:
    return {"state": row["state"]}


def _await_buy(run: Recording, known: set[str]) -> dict[str, Any]:
    for _ in range(600):
        for order in run.broker("GET", f"/accounts/{run.key}")["orders"]:
            if order["id"] not in known and order["side"] == "buy":
                found: dict[str, Any] = order
                return found
        time.sleep(0.05)
    raise SystemExit("no order came")


def _glance(row: dict[str, Any]) -> dict[str, Any]:
    names = (
        "state",
        "mode",
        "openPositionCount",
        "todayRealizedPnl",
        "todayTradeCount",
        "acceptingSignals",
        "reasons",
    )
    return {name: row[name] for name in names}


def _trade(row: dict[str, Any]) -> dict[str, Any]:
    names = ("symbol", "shares", "entryPrice", "status", "filled", "alpacaOrderId", "exitReason")
    return {name: row[name] for name in names}


def _report(row: dict[str, Any]) -> dict[str, Any]:
    names = (
        "trigger",
        "outcome",
        "openTrades",
        "brokerPositions",
        "matched",
        "missed",
        "inFlight",
        "differences",
    )
    return {name: row[name] for name in names}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="pitboss-", ignore_cleanup_errors=True) as made:
        recording = Recording(made, HEAD)
        try:
            play(recording)
            recording.finish(PAGE)
        finally:
            if recording.server.poll() is None:
                recording.server.terminate()
                recording.server.wait(40)
    print(f"Written: {PAGE.relative_to(ROOT)}")
