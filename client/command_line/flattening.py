"""How far a flatten is, once or until its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import click
from rich.console import Group, RenderableType
from rich.live import Live

from client.command_line.output import Output, grid, shown, table
from client.command_line.session import Session
from client.models import Flatten

#: How often it is asked for, in seconds.
LOOK_SEC = 0.5
NEVER = "No flatten was ever asked for."


def show(session: Session, now: Flatten) -> None:
    """Once."""
    if session.out.as_json:
        session.out.json(now)
    elif session.out.is_terminal:
        session.out.console.print(_drawn(now))
    else:
        session.out.say(_line(now))


def watch(session: Session, command_id: UUID | None = None) -> None:
    """Until it has ended; it fails where that is not flat. *command_id* is of the one that is meant."""
    if session.out.is_terminal:
        with Live(console=session.out.console, refresh_per_second=4) as live:
            last = _until_end(session, lambda now: live.update(_drawn(now)), command_id)
    else:
        told: set[str] = set()

        def tell(now: Flatten) -> None:
            line = _line(now)
            if line not in told:
                told.add(line)
                _tell(session.out, now, line)

        last = _until_end(session, tell, command_id)
    if last.state not in ("flat", "none"):
        click.get_current_context().exit(1)


def _until_end(session: Session, tell: Callable[[Flatten], None], command_id: UUID | None) -> Flatten:
    while True:
        now = session.bot.flatten_progress()
        tell(now)
        if not now.is_at_work:
            return now
        time.sleep(LOOK_SEC)


def _tell(out: Output, now: Flatten, line: str) -> None:
    if out.as_json:
        out.json(now)
    else:
        out.say(line)


def _line(now: Flatten) -> str:
    if now.state == "none":
        return NEVER
    left = [f"{shown(each.shares)} {each.symbol}" for each in now.positions_left or ()]
    parts = [now.state]
    if now.is_at_work:
        parts.append("orders not read yet" if now.orders_left is None else f"{now.orders_left} orders left")
        parts.append(
            "positions not read yet" if now.positions_left is None else ", ".join(left) or "no position left"
        )
    elif left:
        parts.append(f"left: {', '.join(left)}")
    return "; ".join([*parts, *([now.error] if now.error else [])])


def _drawn(now: Flatten) -> RenderableType:
    if now.state == "none":
        return NEVER
    unread = "not read yet" if now.is_at_work else "never read"
    facts = {
        "flatten": now.state,
        "mode": now.mode,
        "of": "the account" if now.symbols is None else ", ".join(now.symbols),
        "since": now.started_at,
        "ended": now.finished_at,
        "rounds": now.attempts,
        "orders left": unread if now.orders_left is None else now.orders_left,
        "positions left": unread if now.positions_left is None else len(now.positions_left),
        "trouble": now.error,
    }
    rows = [[each.symbol, each.shares, each.error] for each in now.positions_left or ()]
    return Group(grid(facts), table(["symbol", ">shares left", "trouble"], rows) if rows else "")
