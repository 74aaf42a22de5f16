"""The end of the recorded day: the books beside the broker's account, and the requests that were made."""

from datetime import datetime, timedelta
from decimal import Decimal

from tools.docs.day import Day, Row


def conclude(day: Day, gone: list[Row]) -> bool:
    """Compare the books with the broker. Returns whether all of it agrees."""
    run = day.run
    day.note_calls()
    day.scene("Books and broker", "What the books say, and what the broker's account says:")
    account = day.broker("GET", day.account)
    moves = day.broker("GET", f"{day.account}/cash")
    booked = sum((Decimal(str(row["realizedPnl"])) for row in day.items("/stats/daily")), Decimal(0))
    realized, traded = (
        Decimal(account["realized_pl"]),
        sum((Decimal(m["amount"]) for m in moves if m["kind"] != "deposit"), Decimal(0)),
    )
    kept = [p for p in account["positions"] if p["symbol"] == "ROPE"]
    cost, lost = (
        sum((Decimal(p["qty"]) * Decimal(p["avg_entry_price"]) for p in rows), Decimal(0))
        for rows in (kept, gone)
    )
    open_trades = day.items("/trades?status=open")
    others = [p for p in account["positions"] if p not in kept]
    lines = [
        ("open trades / positions of the bot", len(open_trades), len(others)),
        ("ignored", "7 ROPE", ", ".join(f"{p['qty']} {p['symbol']}" for p in kept)),
        ("realized P&L, USD", f"{booked:.2f}", f"{realized:.2f}"),
        (
            "the same from the movements of cash",
            f"{booked:.2f}",
            f"{traded:.2f} + {cost:.2f} (ROPE) + {lost:.2f} (vanished) = {traded + cost + lost:.2f}",
        ),
    ]
    checks = [
        not open_trades,
        not others,
        len(kept) == 1,
        abs(booked - realized) < Decimal("0.005"),
        abs(booked - traded - cost - lost) < Decimal("0.005"),
    ]
    run.table(
        [{"": name, "books": here, "broker": there} for name, here, there in lines], "", "books", "broker"
    )
    run.say(
        "**Books and broker agree to the cent.**"
        if all(checks)
        else f"**They do NOT agree**: booked {booked}, realized {realized}, cash {traded}."
    )
    run.say("Every settlement of the day:")
    settled = day.items("/commands?kind=settle&limit=50")[::-1]
    run.table(
        [
            {
                "action": c["params"]["action"],
                "status": c["status"],
                "reason": c["reason"],
                "P&L": _EFFECT[c["params"]["action"]],
            }
            for c in settled
        ],
        "action",
        "status",
        "reason",
        "P&L",
    )
    trades = day.items("/trades?limit=200")[::-1]
    run.say(f"The day's {len(trades)} trades:")
    columns = ("id", "symbol", "shares", "entryPrice", "exitPrice", "pnl", "exitReason", "status")
    run.table(
        [
            {**{name: "" if trade[name] is None else trade[name] for name in columns}, "id": trade["id"][:8]}
            for trade in trades
        ],
        *columns,
    )
    _count_requests(day)
    return all(checks)


def _count_requests(day: Day) -> None:
    reports = list[Row]()
    cursor: str | None = ""
    while cursor is not None:
        page = day.run.ask("GET", f"/reconciliations?limit=100{cursor and '&cursor='}{cursor}").json()
        reports, cursor = reports + page["items"], page["nextCursor"]
    spent = [(datetime.fromisoformat(row["startedAt"]), int(row["requests"])) for row in reports]
    rows = [
        {"requests at the broker": "of reconciliation, as its reports say", **_rate(spent), "limit": 60},
        {
            "requests at the broker": "of all programs, as the broker counted",
            **_rate([(at, 1) for at in day.calls.values()]),
            "limit": 200,
        },
    ]
    day.run.say(f"Requests in any 60 seconds, of {len(reports)} attempts:")
    day.run.table(rows, "requests at the broker", "in all", "most a minute", "mean a minute", "limit")


def _rate(spent: list[tuple[datetime, int]]) -> Row:
    spent.sort()
    minute = timedelta(minutes=1)
    most = max(sum(n for at, n in spent if end - minute < at <= end) for end, _ in spent)
    total, span = sum(n for _, n in spent), (spent[-1][0] - spent[0][0]) / minute
    return {"in all": total, "most a minute": most, "mean a minute": f"{total / span:.1f}"}


_EFFECT = {
    "ignore": "none: never in the books",
    "adjust": "none: a tenth of the shares at ten times the price costs the same",
    "acknowledge": "none: its cost left the account with the shares, and nothing was realized",
    "reopen": "that of the busted sale is taken back; the later sale counts",
}
