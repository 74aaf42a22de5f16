"""What can be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from rich.live import Live

from client.command_line.listing import follow_option, limit_option, listed
from client.command_line.output import amount, complain, grid, money
from client.command_line.session import Session, connected
from client.errors import PitbossError
from client.models import Command, Status, Trade


@click.command()
@click.option("--watch", is_flag=True, help="Go on with every change, until Ctrl-C.")
@connected
def status(session: Session, watch: bool) -> None:
    """The bot at a glance."""
    out = session.out
    if not watch:
        now = session.bot.status()
        if out.as_json:
            out.json(now)
        else:
            out.pairs(_facts(now))
        return
    if not out.is_terminal:
        for now in session.bot.events(lost=lambda trouble: complain(str(trouble))):
            if out.as_json:
                out.json(now)
            else:
                out.row(_line(now))
        return
    with Live(console=out.console, auto_refresh=False) as live:
        shown: dict[str, Any] = {}

        def lost(trouble: PitbossError) -> None:
            live.update(grid({**shown, "connection": f"LOST: {trouble}"}), refresh=True)

        for now in session.bot.events(lost=lost):
            shown = _facts(now)
            live.update(grid(shown), refresh=True)


@click.command()
@connected
def gate(session: Session) -> None:
    """May a position be opened now? Exit code 0 for yes, 1 for no."""
    now = session.bot.gate()
    session.out.answer(now, "open" if now.may_open else f"closed: {', '.join(now.reasons)}")
    if not now.may_open:
        click.get_current_context().exit(1)


@click.command()
@connected
def positions(session: Session) -> None:
    """What the broker holds beside what the books hold."""
    now = session.bot.positions()
    if session.out.as_json:
        session.out.json(now)
        return
    session.out.rows(
        ["symbol", ">broker", ">books", ">entry", ">price", ">open P&L", "difference"],
        [
            [
                *(
                    each.symbol,
                    each.broker_shares,
                    each.book_shares,
                    each.avg_entry_price,
                    each.current_price,
                ),
                *(money(each.open_pnl), each.difference),
            ]
            for each in now.items
        ],
    )
    if session.out.is_terminal:
        session.out.pairs({"as of": now.read_at})


@click.command()
@connected
def account(session: Session) -> None:
    """What the account is worth."""
    now = session.bot.account()
    if session.out.as_json:
        session.out.json(now)
        return
    session.out.pairs(
        {
            "account": now.status,
            "equity": amount(now.equity),
            "day's change": money(now.day_change),
            "buying power": amount(now.buying_power),
            "blocks": ", ".join(now.blocks),
            "as of": now.read_at,
        }
    )


@click.command()
@limit_option
@follow_option
@click.option("--kind", multiple=True, help="Only of this kind; may be given several times.")
@click.option("--status", multiple=True, help="Only of this status.")
@click.option("--source", multiple=True, help="Only from here: api, panel, celery, system.")
@click.option("--actor", help="Only of this actor.")
@click.option("--since", help="Only issued at or after this time.")
@click.option("--until", help="Only issued before this time.")
@click.option("--text", help="Only with this text in reason, error, actor, parameters or id.")
@connected
def log(session: Session, limit: int, follow: bool, **filters: Any) -> None:
    """The command log, the newest first; with --follow the newest last."""

    def read(count: int) -> Iterator[Command]:
        return session.bot.commands(**filters, limit=count)

    columns = ["issued", ">seq", "kind", "status", "actor", "source", "from", "to", "reason or error"]
    listed(
        session, columns, _command_row, read, limit, (lambda row: (row.id, row.status)) if follow else None
    )


@click.command()
@limit_option
@follow_option
@click.option("--status", multiple=True, help="Only of this status: open, closed, missed, void.")
@click.option("--symbol", help="Only of this symbol.")
@click.option("--mode", multiple=True, help="Only of this account: paper, live.")
@click.option("--exit-reason", multiple=True, help="Only that ended for this reason.")
@click.option("--since", help="Only entered on this trading date or later, such as 2026-11-20.")
@click.option("--until", help="Only entered on this trading date or earlier.")
@connected
def trades(session: Session, limit: int, follow: bool, **filters: Any) -> None:
    """Trades, the newest first; with --follow the newest last, and again when they change."""

    def read(count: int) -> Iterator[Trade]:
        return session.bot.trades(**filters, limit=count)

    columns = [
        "opened",
        "symbol",
        "status",
        ">shares",
        ">exited",
        ">entry",
        ">exit",
        ">P&L",
        "exit reason",
        "id",
    ]
    listed(
        session, columns, _trade_row, read, limit, (lambda row: (row.id, row.updated_at)) if follow else None
    )


@click.command()
@click.argument("trade_id", type=click.UUID)
@connected
def trade(session: Session, trade_id: Any) -> None:
    """One trade, and what changed on it, by whom and why."""
    found, events = session.bot.find_trade(trade_id), session.bot.trade_events(trade_id)
    if session.out.as_json:
        session.out.json(found)
        for event in events:
            session.out.json(event)
        return
    session.out.pairs({name: getattr(found, name) for name in Trade.model_fields})
    session.out.rows(
        ["at", "event", "by", "reason", "before", "after"],
        [
            [each.at, each.kind, each.actor, each.reason, _said(each.before), _said(each.after)]
            for each in events
        ],
    )


@click.command()
@limit_option
@click.option("--verdict", multiple=True, help="agrees, disagrees or failed.")
@connected
def reports(session: Session, limit: int, verdict: tuple[str, ...]) -> None:
    """Reports of reconciliations, the newest first."""
    found = session.bot.reconciliations(verdict=verdict, limit=limit)
    if session.out.as_json:
        for report in found:
            session.out.json(report)
        return
    session.out.rows(
        ["at", "trigger", "outcome", ">open", ">broker", ">matched", ">missed", "differences or error"],
        [
            [
                *(each.finished_at, each.trigger, each.outcome, each.open_trades, each.broker_positions),
                *(each.matched, each.missed),
                each.error or ", ".join(f"{one.symbol} {one.here}/{one.there}" for one in each.differences),
            ]
            for each in found
        ],
    )


def _command_row(each: Command) -> list[Any]:
    said = each.error or each.reason
    return [
        *(each.issued_at, each.seq, each.kind, each.status, each.actor, each.source, each.from_state),
        *(each.to_state, said),
    ]


def _trade_row(each: Trade) -> list[Any]:
    return [
        *(each.created_at, each.symbol, each.status, each.shares, each.exited_shares, each.entry_price),
        *(each.exit_price, money(each.pnl), each.exit_reason, each.id),
    ]


def _said(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def _facts(now: Status) -> dict[str, Any]:
    last = now.reconciliation
    return {
        "state": "killed" if now.killed else now.state,
        "mode": f"{now.mode} (sandbox)" if now.sandbox else now.mode,
        "gate": "open" if now.accepting_signals else f"closed: {', '.join(now.reasons)}",
        "why killed": now.kill_reason if now.killed else None,
        "today": f"{money(now.today_realized_pnl)} realized, {now.today_trade_count} trades",
        "open": f"{now.open_position_count} positions, {money(now.open_pnl)}",
        "unsettled": now.unsettled_trades,
        "market": "open" if now.market_open else "closed",
        "market changes": now.market_changes_at,
        "reconciliation": None if last is None else _verdict(last),
        "flatten": now.flatten,
        "worker": "online" if now.worker.online else "OFFLINE",
        "pending": now.pending_commands,
        "revision": now.revision,
        "as of": now.as_of,
    }


def _verdict(last: Any) -> str:
    if last.outcome != "ok":
        return f"failed: {last.error}"
    symbols = ", ".join(each.symbol for each in last.differences)
    return f"disagrees on {symbols}" if symbols else f"agrees ({last.age_sec:.0f} s ago)"


def _line(now: Status) -> list[Any]:
    gate = "open" if now.accepting_signals else ",".join(now.reasons)
    return [
        now.as_of,
        "killed" if now.killed else now.state,
        now.mode,
        gate,
        money(now.today_realized_pnl),
        now.revision,
    ]


COMMANDS = (status, gate, positions, account, log, trades, trade, reports)
