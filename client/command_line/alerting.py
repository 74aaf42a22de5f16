"""Alerts: which there were, whom they are sent to, and a test of that."""

from __future__ import annotations

import time
from typing import Any

import click

from client.command_line.listing import follow_option, limit_option, listed
from client.command_line.session import Session, connected
from client.models import Alert, AlertDestination

#: How long a test may take to arrive, in seconds.
ARRIVED_WITHIN_SEC = 30.0


@click.command()
@limit_option
@follow_option
@connected
def alerts(session: Session, limit: int, follow: bool) -> None:
    """What somebody had to be told, the newest first; with --follow the newest last."""
    columns = ["at", "severity", "kind", "what", "delivery", "over since", "seen by"]
    mark = (lambda row: (row.id, (row.delivery, row.resolved_at, row.acknowledged_at))) if follow else None
    listed(session, columns, _alert_row, lambda count: session.bot.alerts(limit=count), limit, mark)


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
    return [
        *(each.created_at, each.severity, each.kind, each.text, each.delivery, each.resolved_at),
        each.acknowledged_by,
    ]


COMMANDS = (alerts, destinations, test_alert)
