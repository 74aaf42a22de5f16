"""Alerts to the addresses of ALERT_URLS: each on its own, filtered, and again until it is taken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.alerts import destinations
from bot.alerts.destinations import DestinationDelivery
from bot.alerts.messages import Severity
from bot.alerts.write_monitor import WriteMonitor
from bot.errors import DatabaseReadOnly
from bot.models import AlertKind
from bot.storage.database import Database
from tests.bot.alerts.addresses import Make, put, settings_with
from tests.bot.alerts.services import Service
from tests.support.tables import Tables

pytestmark = [
    # Apprise imports it with the first address.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
    pytest.mark.usefixtures("in_a_hurry"),
]


def local(service: Service, least: str = "") -> str:
    return f"{least}json://127.0.0.1:{service.port}/"


def titles(service: Service) -> list[str]:
    return [said["title"] for _, said in service.taken]


# -- each on its own ------------------------------------------------------------------------------------------


def test_one_that_is_away_keeps_no_other_waiting_and_is_told_later(
    make: Make, tables: Tables, service: Service, other: Service
) -> None:
    first, second = make(local(service), local(other))
    put(tables, "killed")
    service.status = 500
    assert (first.run(), second.run()) == (0, 1)
    row = tables.sql("SELECT * FROM bot_alert_destination ORDER BY attempts DESC")[0]
    assert (row["attempts"], row["error"]) == (1, "The service answered 500.")
    service.status = 200
    assert second.run() == 0, "it is not told twice"
    tables.sql("UPDATE bot_alert_destination SET next_attempt_at = clock_timestamp()")
    assert first.run() == 1
    assert len(service.taken) == len(other.taken) == 1
    assert tables.sql("SELECT 1 FROM bot_alert_destination WHERE attempts > 0 OR error IS NOT NULL") == []


def test_several_are_one_message_in_their_order(make: Make, tables: Tables, service: Service) -> None:
    [delivery] = make(local(service))
    for number in range(12):
        put(tables, "stopped", reason=f"n{number:02}")
    assert (delivery.run(), delivery.run(), delivery.run()) == (10, 2, 0)
    text = service.taken[0][1]["message"]
    assert [f"n{number:02}" in line for number, line in enumerate(text.splitlines())] == [True] * 10


def test_severity_is_filtered_but_the_end_of_what_was_told_is_told(
    make: Make, tables: Tables, service: Service, other: Service
) -> None:
    grave, all_of_it = make(local(service, "critical="), local(other))
    put(tables, "stopped", "started", "killed", "rearmed")
    assert (grave.run(), all_of_it.run()) == (2, 4)
    assert "KILLED" in service.taken[0][1]["message"]
    assert "Rearmed" in service.taken[0][1]["message"]
    put(tables, "test")
    assert grave.run() == 1, "a test reaches everybody"


def test_what_happened_before_it_was_set_is_not_told(make: Make, tables: Tables, service: Service) -> None:
    put(tables, "killed")
    [delivery] = make(local(service))
    assert delivery.run() == 0


def test_what_waits_for_approval_links_to_where_it_is_given(
    make: Make, tables: Tables, service: Service
) -> None:
    [address] = make(local(service), public_url="https://bot.example.com")
    tables.sql("INSERT INTO bot_alert (kind, facts) VALUES ('approval_wanted', '{\"commandId\": \"c-1\"}')")
    assert address.run() == 1
    [(_, said)] = service.taken
    assert "https://bot.example.com/approvals/c-1" in said["message"]


def test_a_database_that_cannot_be_written_is_told_past_the_outbox_once_to_each(
    read_only: Callable[[bool], None], database_url: str, service: Service, other: Service
) -> None:
    settings = settings_with(database_url, alert_urls=f"{local(service)} {local(other, 'critical=')}")
    read_only(True)
    database = Database.connect(settings)
    monitor = WriteMonitor(database, settings, patience_sec=0)
    other.status = 500
    monitor.check()
    other.status = 200
    for _ in range(2):
        monitor.check()
    database.close()
    assert titles(service) == titles(other) == ["Pitboss: database not writable"]


def test_an_address_that_was_set_while_the_database_took_no_writes_is_told_all_the_same(
    read_only: Callable[[bool], None], database_url: str, service: Service, tables: Tables
) -> None:
    settings = settings_with(database_url, alert_urls=local(service))
    read_only(True)
    database = Database.connect(settings)
    [address] = settings.alert_addresses
    delivery = DestinationDelivery(database, settings, address)
    with pytest.raises(DatabaseReadOnly):
        delivery.run()
    read_only(False)
    database.close()
    delivery.run()
    put(tables, "killed")
    assert delivery.run() == 1
    database.close()
    assert titles(service) == ["Pitboss: killed"]


def test_two_processes_tell_it_once(make: Make, tables: Tables, service: Service) -> None:
    [one] = make(local(service))
    [two] = make(local(service))
    put(tables, "killed")
    assert [one.run(), two.run()] == [1, 0]
    tables.sql("UPDATE bot_alert_destination SET leased_until = clock_timestamp() + interval '1 minute'")
    put(tables, "rearmed")
    assert two.run() == 0, "somebody else is at it"
    tables.sql("UPDATE bot_alert_destination SET leased_until = clock_timestamp()")
    assert two.run() == 1, "who died with it loses it"


def test_web_leaves_it_to_a_worker_for_a_while(make: Make, tables: Tables, service: Service) -> None:
    [web] = make(local(service), patience=timedelta(seconds=5))
    put(tables, "killed")
    assert web.run() == 0
    tables.sql(
        "UPDATE bot_alert_destination SET since = since - interval '1 minute',"
        " next_attempt_at = next_attempt_at - interval '1 minute'"
    )
    tables.sql("UPDATE bot_alert SET created_at = created_at - interval '6 seconds'")
    assert web.run() == 1


def test_without_a_webhook_an_alert_is_delivered_when_somebody_was_told(
    make: Make, tables: Tables, service: Service
) -> None:
    [delivery] = make(local(service))
    put(tables, "killed")
    delivery.run()
    assert tables.sql("SELECT status FROM bot_alert") == [{"status": "delivered"}]


# -- trades by choice -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [True, False])
def test_trades_are_told_by_choice(
    make: Make, tables: Tables, service: Service, database_url: str, wanted: bool
) -> None:
    [delivery] = make(local(service), alert_trades=wanted)
    database = delivery._database
    trade = tables.sql(
        "INSERT INTO bot_trade (symbol, entry_price, shares, mode, filled, exit_price, pnl, exit_reason)"
        " VALUES ('SOIL', 9.12, 60, 'paper', true, 9.40, 16.80, 'profit_target') RETURNING id"
    )[0]["id"]

    def events(session: Any) -> None:
        from bot.models import BotTradeEvent, TradeEventKind

        for kind in (TradeEventKind.ENTRY_RECORDED, TradeEventKind.EXIT_BOOKED, TradeEventKind.CLOSED):
            session.add(BotTradeEvent(trade_id=trade, kind=kind, before={}, after={}, actor="bot"))
            session.flush()

    database.run(events)
    assert delivery.run() == (2 if wanted else 0)
    if wanted:
        entered, closed = service.taken[0][1]["message"].splitlines()
        assert entered.startswith("60 SOIL at 9.12, in paper mode.")
        assert closed.startswith("SOIL closed in paper mode at 9.40: 16.80 USD (profit target).")


def test_only_who_is_told_everything_is_told_of_trades() -> None:
    trades = {AlertKind.TRADE_ENTERED, AlertKind.TRADE_CLOSED}
    assert not trades & destinations.unwanted(Severity.INFO, with_trades=True)
    assert trades <= destinations.unwanted(Severity.CRITICAL, with_trades=True)
    assert trades <= destinations.unwanted(Severity.INFO, with_trades=False)
