"""Runs the demo through a short trading day on which much goes wrong, and writes it to ``docs/proofs/recorded-day.md``.

    .venv/bin/python -m tools.docs.record_day

All that stands in the code blocks was answered or printed in that run. What does not come as expected is written down as such.
"""

import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tools.docs.day import Day, Row, brief
from tools.docs.day_accounts import conclude
from tools.docs.recording import ROOT, Recording

PAGE = ROOT / "docs" / "proofs" / "recorded-day.md"
EVERY_SEC = 5
HEAD = f"""# A recorded day

Recorded by `tools/docs/record_day.py`: `script/server --demo` with its simulated broker, whose prices drift (`--walk`), and the
example bot. A day of trading in a few minutes, so RECONCILE_EVERY_SEC is {EVERY_SEC} instead of 60; the budget of requests is the usual 60
a minute. What the broker does to the account is done through the [sandbox's](../sandbox.md) control interface. Reports are those
of `GET /api/bot/reconciliations`, counts of 0 left out, with minutes and seconds since the
open. The lines of the bot have the seconds since the programs were started.
"""


def play(day: Day) -> list[Row]:
    """The day, up to the flatten. Returns the position that vanished, as the broker held it."""
    run = day.run
    day.scene("The open", "The bot is started and trades.")
    run.call("PATCH", "/config", show=brief, maxConcurrentPositions=10, reason="room for the day")
    run.call("POST", "/start", show=brief, reason="the open")
    run.wait("sold", 60)
    run.show("demo")
    day.reports(_agrees_after(datetime.now(UTC)))

    day.scene(
        "Positions lag",
        "For a while the broker shows a fill in its positions only 6 s later, and values the account without it.",
    )
    day.broker("PUT", day.account, {"positions_lag_sec": 6, "values_lag": True})
    run.wait("sold", 40)
    day.reports(_agrees_after(datetime.now(UTC)), shown=6)
    run.show("demo")
    day.broker("PUT", day.account, {"positions_lag_sec": 0, "values_lag": False})

    day.scene("Lunch", "Paused, the bot opens nothing and sells what is open.")
    run.call("POST", "/pause", show=brief, reason="lunch")
    _until(lambda: not day.items("/trades?status=open"))
    day.reports(lambda row: _agrees(row) and row["openTrades"] == 0, shown=2)
    run.show("demo")
    run.call("POST", "/resume", show=brief, reason="lunch is over")

    day.scene(
        "An entry order is replaced, and the bot hangs",
        "With three positions open the bot sends a fourth order. It is replaced in the broker's dashboard by one for 40 shares, and in"
        " that moment the bot hangs (SIGSTOP). The successor fills. From here on only Pitboss follows the broker.",
    )
    _until(lambda: len(day.held()) >= 3)
    day.broker("PUT", "/fills", {"delay_sec": 2})
    order = _until(
        lambda: [
            o
            for o in day.broker("GET", f"{day.account}/orders")
            if o["side"] == "buy" and o["status"] in ("new", "pending_new")
        ]
    )[0]
    day.broker("POST", f"{day.account}/orders/{order['id']}/hold")
    _until(lambda: day.items("/trades?status=open&limit=1")[0]["alpacaOrderId"])
    successor = day.broker("POST", f"{day.account}/orders/{order['id']}/replace", {"qty": "40"})
    day.executor(signal.SIGSTOP)
    day.broker("PUT", "/fills", {"delay_sec": 0.2})
    replaced = {"id": order["client_order_id"], "symbol": order["symbol"]}
    run.block(f"{order['symbol']}: order of {order['qty']} replaced, by one of {successor['qty']}", "text")
    day.reports(lambda row: row["inFlight"])
    day.broker("POST", f"{day.account}/orders/{successor['id']}/release")
    day.reports(lambda row: row["corrected"])
    day.events(replaced, 1)
    run.show("demo")
    hands = [row for row in day.held() if row["id"] != replaced["id"]]
    if len(hands) < 3:
        raise SystemExit(f"only {len(hands)} positions were open: run it again")
    split, part, whole = hands[:3]

    day.scene(
        "The broker is out of order",
        "Two attempts get a 500. What the broker holds is unknown: nothing is touched, and the open gate stays open.",
    )
    day.gate()
    day.broker("PUT", "/faults", [{"kind": "500", "path": "/v2/account"}])
    day.reports(lambda row: row["outcome"] == "failed")
    day.reports(lambda row: row["outcome"] == "failed")
    day.gate()
    day.broker("DELETE", "/faults")
    day.reports(_agrees, shown=1)

    day.scene(
        "A sale by hand",
        f"Somebody sells all {_n(whole)} {whole['symbol']} in the broker's dashboard. The exit is booked from the broker's fill.",
    )
    sale = day.broker(
        "POST", f"{day.account}/trades", {"symbol": whole["symbol"], "side": "sell", "qty": _n(whole)}
    )
    run.block(f"the broker: sold {sale['filled_qty']} {sale['symbol']} at {sale['filled_avg_price']}", "text")
    day.reports(lambda row: row["booked"])
    day.events(whole, 1)
    sold = day.pick(whole)

    day.scene("A part is sold by hand", f"40 of {_n(part)} {part['symbol']}.")
    sale_of_part = day.broker(
        "POST", f"{day.account}/trades", {"symbol": part["symbol"], "side": "sell", "qty": "40"}
    )
    run.block(f"the broker: sold 40 {part['symbol']} at {sale_of_part['filled_avg_price']}", "text")
    day.reports(lambda row: row["booked"])
    run.call("GET", f"/trades/{part['id']}", show=_trade)

    day.scene(
        "Something that is not the bot's",
        "Somebody buys 7 ROPE at the same account. Nothing explains them; the gate is closed until it is decided whose they are.",
    )
    day.broker("POST", f"{day.account}/trades", {"symbol": "ROPE", "side": "buy", "qty": "7"})
    day.reports(lambda row: _differs(row, "unknown_here"))
    day.gate()
    day.settle("ignore", "the owner's own shares", symbol="ROPE")
    day.reports(_agrees)

    day.scene(
        "A reverse split",
        f"Ten {split['symbol']} become one. A position that is younger than a minute may lag; once it is older, the difference is told.",
    )
    day.broker("POST", "/splits", {"symbol": split["symbol"], "from": 10, "to": 1})
    now = next(p for p in day.broker("GET", day.account)["positions"] if p["symbol"] == split["symbol"])
    day.reports(lambda row: _differs(row, "quantity"), 75)
    day.settle(
        "adjust",
        "reverse split 10:1",
        tradeId=split["id"],
        shares=now["qty"],
        entryPrice=now["avg_entry_price"],
    )
    day.reports(_agrees)
    day.events(split, 1)

    day.scene(
        "A position vanishes",
        f"The {replaced['symbol']} are gone, without an order and without a fill. Two readings at least ten seconds apart have to say so.",
    )
    positions = day.broker("GET", day.account)["positions"]
    gone = [p for p in positions if p["symbol"] == replaced["symbol"]]
    day.broker("PUT", f"{day.account}/positions", [p for p in positions if p not in gone])
    day.reports(lambda row: _differs(row, "suspect"), 75)
    day.reports(lambda row: row["missed"])
    run.call("GET", f"/trades/{replaced['id']}", show=_trade)
    run.call("GET", "/status", show=lambda row: {"unsettledTrades": row["unsettledTrades"]})
    day.settle("acknowledge", "transferred out by the owner, no result", tradeId=replaced["id"])

    day.scene(
        "A bust",
        f"The broker takes back the first sale by hand: the {sale['filled_qty']} {sale['symbol']} are there again, and the books have"
        f" sold them for a P&L of {sold['pnl']}. A position may lag such a sale for a minute; then the difference is told.",
    )
    day.broker("POST", f"{day.account}/orders/{sale['id']}/bust")
    day.reports(lambda row: _differs(row, "unknown_here"), 75)
    day.settle("reopen", f"the sale of {sale['filled_qty']} was busted", tradeId=whole["id"])
    day.reports(_agrees)
    day.events(whole, 1)

    day.scene("The bot is back", "It goes on (SIGCONT) and finds its trades as Pitboss has left them.")
    day.executor(signal.SIGCONT)
    run.wait("bought", 60)
    time.sleep(4)
    run.show("demo")

    day.scene("The close", "All is flattened, and the bot is stopped.")
    run.call("POST", "/flatten", show=brief, reason="the close")
    _until(lambda: run.ask("GET", "/flatten").json()["state"] == "flat")
    run.call(
        "GET",
        "/flatten",
        show=lambda row: {name: row[name] for name in ("state", "attempts", "ordersLeft", "positionsLeft")},
    )
    day.reports(lambda row: _agrees(row) and row["openTrades"] == 0)
    run.call("POST", "/stop", show=brief, reason="the day is over")
    asked_at = datetime.now(UTC)
    run.call("POST", "/reconcile", show=brief)
    day.reports(_agrees_after(asked_at), 75, shown=1)
    run.show("demo")
    return gone


def _agrees(row: Row) -> bool:
    return row["outcome"] == "ok" and not row["differences"]


def _agrees_after(moment: datetime) -> Callable[[Row], bool]:
    return lambda row: _agrees(row) and datetime.fromisoformat(row["startedAt"]) > moment


def _differs(row: Row, kind: str) -> bool:
    return any(each["kind"] == kind for each in row["differences"])


def _trade(row: Row) -> Row:
    return {
        name: row[name]
        for name in ("symbol", "shares", "exitedShares", "entryPrice", "pnl", "exitReason", "status")
    }


def _n(trade: Row) -> str:
    return f"{trade['shares']:g}"


def _until(ask: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.05)
    raise SystemExit("what the day waits for did not come")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="pitboss-", ignore_cleanup_errors=True) as made:
        recording = Recording(made, HEAD, RECONCILE_EVERY_SEC=str(EVERY_SEC))
        the_day = Day(recording)
        try:
            agreed = conclude(the_day, play(the_day))
            recording.finish(PAGE)
        finally:
            if recording.server.poll() is None:
                the_day.executor(signal.SIGCONT)
                recording.server.terminate()
                recording.server.wait(40)
    print(f"Written: {PAGE.relative_to(ROOT)}")
    sys.exit(0 if agreed else 1)
