"""The commands of an operator."""

from __future__ import annotations

import json
from typing import Any

import click

from client.command_line import flattening
from client.command_line.output import shown
from client.command_line.session import Session, connected
from client.models import Action, Thresholds
from client.words import Mode, SettleAction

_reason = click.option("-r", "--reason", help="Why; kept in the log.")
_wait = click.option("--wait/--no-wait", default=True, help="Whether to wait for the outcome.")
_flatten = click.option("--flatten", is_flag=True, help="Close every position, too.")
_yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


def _tell(session: Session, action: Action, *, state: str | None = None) -> None:
    if action.status == "applied":
        sentence = f"The bot is {state or action.state} ({action.mode}), revision {action.revision}."
    else:
        sentence = (
            f"The command {action.command_id} is {action.status}; the bot is {action.state} ({action.mode})."
        )
    session.out.answer(action, " ".join(filter(None, (sentence, action.warning))))


@click.command()
@_reason
@_wait
@connected
def start(session: Session, reason: str | None, wait: bool) -> None:
    """Start the stopped bot."""
    _tell(session, session.bot.start(reason=reason, wait=wait))


@click.command()
@_reason
@_wait
@connected
def pause(session: Session, reason: str | None, wait: bool) -> None:
    """No new positions; open ones are still watched."""
    _tell(session, session.bot.pause(reason=reason, wait=wait))


@click.command()
@_reason
@_wait
@connected
def resume(session: Session, reason: str | None, wait: bool) -> None:
    """Resume the paused bot."""
    _tell(session, session.bot.resume(reason=reason, wait=wait))


@click.command()
@_reason
@_wait
@_flatten
@connected
def stop(session: Session, reason: str | None, wait: bool, flatten: bool) -> None:
    """Nothing at all happens any more."""
    _tell(session, session.bot.stop(reason=reason, flatten=flatten, wait=wait))


@click.command()
@_reason
@_flatten
@connected
def kill(session: Session, reason: str | None, flatten: bool) -> None:
    """Stop, disable and latch until rearm. It asks nothing."""
    killed = session.bot.kill(reason=reason, flatten=flatten)
    _tell(session, killed, state="killed, and stays stopped until it is rearmed")
    left = killed.stays_open
    if left is not None and (left.positions or left.working_orders):
        named = [f"{shown(each.shares)} {each.symbol}" for each in left.positions]
        named += [f"an order for {shown(each.shares)} {each.symbol}" for each in left.working_orders]
        session.out.say(f"A kill closes nothing. Open: {', '.join(named)}. To close all: pitboss flatten")


@click.command()
@_reason
@_wait
@connected
def rearm(session: Session, reason: str | None, wait: bool) -> None:
    """Take the kill latch off; the bot stays stopped."""
    _tell(session, session.bot.rearm(reason=reason, wait=wait))


@click.command()
@_reason
@_wait
@connected
def reconcile(session: Session, reason: str | None, wait: bool) -> None:
    """Compare the books with the broker now. Fails where they do not agree."""
    done = session.bot.reconcile(reason=reason, wait=wait)
    report = done.reconciliation
    if report is None:
        _tell(session, done)
        return
    if report.outcome != "ok":
        session.out.answer(done, f"It failed: {report.error}")
    elif report.differences:
        session.out.answer(done, "Books and broker disagree:")
        if not session.out.as_json:
            rows = [[each.symbol, each.kind, each.here, each.there] for each in report.differences]
            session.out.rows(["symbol", "difference", ">books", ">broker"], rows)
    else:
        session.out.answer(
            done, f"Books and broker agree: {report.matched} matched, {report.in_flight} in flight."
        )
    if report.outcome != "ok" or report.differences:
        click.get_current_context().exit(1)


@click.command()
@click.argument("mode", type=click.Choice([str(each) for each in Mode]))
@_reason
@_wait
@_yes
@connected
def mode(session: Session, mode: str, reason: str | None, wait: bool, yes: bool) -> None:
    """Switch between the paper and the live account."""
    if mode == Mode.LIVE and not yes and session.out.is_terminal:
        click.prompt("Real money. Type live to switch", type=click.Choice(["live"]), show_choices=False)
    _tell(session, session.bot.set_mode(mode, reason=reason, wait=wait))


@click.command()
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE]...")
@_reason
@connected
def config(session: Session, changes: tuple[str, ...], reason: str | None) -> None:
    """Show the thresholds, or change some: pitboss config max_concurrent_positions=4."""
    if not changes:
        now = session.bot.config()
        if session.out.as_json:
            session.out.json(now)
        else:
            session.out.pairs(_thresholds(now))
        return
    before = session.bot.config()
    done = session.bot.update_config(reason=reason, **dict(_change(each) for each in changes))
    if session.out.as_json:
        session.out.json(done)
        return
    old, new = _thresholds(before), _thresholds(done)
    for name in old:
        if old[name] != new[name]:
            session.out.say(f"{name}: {old[name]} → {new[name]}")


@click.command()
@click.argument("symbol", required=False)
@_reason
@click.option("--cancel", is_flag=True, help="End the flatten that is at work.")
@click.option("--watch", is_flag=True, help="Go on until the broker has confirmed that it is flat.")
@_yes
@connected
def flatten(
    session: Session, symbol: str | None, reason: str | None, cancel: bool, watch: bool, yes: bool
) -> None:
    """Cancel every order and close every position, or those of one SYMBOL."""
    if cancel:
        _tell(session, session.bot.cancel_flatten(reason=reason))
        return
    if not yes and session.out.is_terminal:
        click.confirm(f"Close {symbol or 'every position'} at the market?", abort=True)
    done = session.bot.flatten(symbol, reason=reason)
    if not (watch and session.out.as_json):
        _tell(session, done)
    if watch:
        flattening.watch(session, done.command_id)
    elif not session.out.as_json:
        session.out.say("It goes on by itself: pitboss flatten-progress --watch")


@click.command("flatten-progress")
@click.option("--watch", is_flag=True, help="Go on until it has ended.")
@connected
def flatten_progress(session: Session, watch: bool) -> None:
    """How far the last flatten is."""
    if watch:
        flattening.watch(session)
    else:
        flattening.show(session, session.bot.flatten_progress())


@click.command()
@click.argument("action", type=click.Choice([str(each) for each in SettleAction]))
@click.argument("subject", metavar="SYMBOL|TRADE_ID")
@click.option("-r", "--reason", required=True, help="Why; kept in the log and in the trade's events.")
@click.option("--shares", help="Of the position (adopt, ignore), still held (adjust), exited (close).")
@click.option("--entry-price", help="US dollars for one share (adopt, adjust).")
@click.option("--exit-price", help="US dollars for one share (close).")
@click.option("--exit-at", help="When it ended (close), such as 2026-11-20T15:30:00Z.")
@_wait
@connected
def settle(session: Session, action: str, subject: str, reason: str, **options: Any) -> None:
    """Settle a difference (adopt, ignore, watch) or a trade (the others)."""
    about = "symbol" if action in (SettleAction.ADOPT, SettleAction.IGNORE, SettleAction.WATCH) else "trade"
    options[about] = subject
    _tell(session, session.bot.settle(action, reason=reason, **options))


def _change(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals or name.replace("-", "_") not in Thresholds.model_fields:
        known = ", ".join(Thresholds.model_fields)
        raise click.BadParameter(f"{given} is no NAME=VALUE; the names are {known}.")
    try:
        return name.replace("-", "_"), json.loads(f"[{value}]" if "," in value else value)
    except ValueError:
        raise click.BadParameter(
            f"{value} is no number, no true or false, and no list such as 1,2."
        ) from None


def _thresholds(of: Thresholds) -> dict[str, str]:
    return {
        name: ",".join(map(str, value)) if isinstance(value, list) else shown(value)
        for name in Thresholds.model_fields
        for value in [getattr(of, name)]
    }


COMMANDS = (
    *(start, pause, resume, stop, kill, rearm, reconcile, mode, config, flatten, flatten_progress, settle),
)
