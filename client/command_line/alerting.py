"""Alerts: which there were, whom they are sent to, and a test of that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import click

from client.command_line.listing import follow_option, limit_option, listed
from client.command_line.output import shown
from client.command_line.session import Session, connected
from client.models import Acknowledged, Alert, AlertDestination
from client.words import AlertState, Severity

#: How long a test may take to arrive, in seconds.
ARRIVED_WITHIN_SEC = 30.0


@click.command()
@limit_option
@follow_option
@click.option("--kind", multiple=True, help="Only of this kind; may be given several times.")
@click.option("--severity", multiple=True, type=click.Choice(list(map(str, Severity))), help="Only of this.")
@click.option(
    "--state",
    multiple=True,
    type=click.Choice(list(map(str, AlertState))),
    help="Only in this; open: neither over nor acknowledged.",
)
@connected
def alerts(session: Session, limit: int, follow: bool, **filters: Any) -> None:
    """What somebody had to be told, the newest first; with --follow the newest last."""

    def read(count: int) -> Iterator[Alert]:
        return session.bot.alerts(**filters, limit=count)

    columns = ["at", "severity", "kind", "what", "state", "told outside", "id"]
    mark = (lambda row: (row.id, (row.delivery, row.resolved_at, row.acknowledged_at))) if follow else None
    listed(session, columns, _alert_row, read, limit, mark)


@click.command()
@click.argument("ids", metavar="[ALERT_ID]...", nargs=-1, type=click.UUID)
@click.option("--all", "every", is_flag=True, help="All that are open.")
@connected
def acknowledge(session: Session, ids: tuple[UUID, ...], every: bool) -> None:
    """Note that you have seen alerts: those with these ids (see pitboss alerts), or --all."""
    if every is bool(ids):
        raise click.UsageError("Name the alerts by their ids, or give --all.")
    seen = list(session.bot.alerts(state=AlertState.OPEN)) if every else list(ids)
    count = session.bot.acknowledge(*seen)
    if session.out.as_json:
        session.out.json(Acknowledged(acknowledged=count))
    session.out.say(f"Acknowledged: {count}.")


@click.command()
@connected
def destinations(session: Session) -> None:
    """Whom alerts are sent to. Exit code 1 where one does not take them."""
    _show(session, session.bot.alert_destinations())


@click.command("test-alert")
@connected
def test_alert(session: Session) -> None:
    """Send a test alert to every destination, and wait until each has taken it or failed."""
    before = {each.name: (each.delivered_at, each.failures) for each in session.bot.alert_destinations()}
    sent = session.bot.test_alert()
    if not sent.destinations:
        session.out.say("Nobody is told anything: set ALERT_URLS or ALERT_WEBHOOK_URL.")
        click.get_current_context().exit(1)
    deadline = time.monotonic() + ARRIVED_WITHIN_SEC
    while True:
        now = session.bot.alert_destinations()
        waiting = [each for each in now if (each.delivered_at, each.failures) == before.get(each.name)]
        if not waiting or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    _show(session, now, silent=[each.name for each in waiting])


def _show(session: Session, found: list[AlertDestination], silent: list[str] | None = None) -> None:
    if session.out.as_json:
        for each in found:
            session.out.json(each)
    else:
        columns = ["destination", "told", "last taken", ">failures", "trouble"]
        session.out.rows(columns, [_destination_row(each, silent or []) for each in found])
    if silent or any(each.failures for each in found):
        click.get_current_context().exit(1)


def _destination_row(each: AlertDestination, silent: list[str]) -> list[Any]:
    trouble = each.error or ("no answer yet" if each.name in silent else None)
    return [each.name, each.least, each.delivered_at, each.failures, trouble]


def _alert_row(each: Alert) -> list[Any]:
    return [each.created_at, each.severity, each.kind, each.text, _state(each), each.delivery, each.id]


def _state(each: Alert) -> str | None:
    if each.acknowledged_at is not None:
        return f"seen by {each.acknowledged_by}"
    if each.resolved_at is not None:
        return f"over since {shown(each.resolved_at)}"
    return None if each.severity == Severity.INFO else "not acknowledged"


COMMANDS = (alerts, acknowledge, destinations, test_alert)
