"""Alerts to the addresses of ALERT_URLS: each on its own, filtered, again until it is taken, and never with a secret in a log.

The services are stand-ins on this machine that speak their protocols: Telegram's, Discord's and Pushover's HTTP, and SMTP.
"""

from __future__ import annotations

import json
import logging
import socketserver
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_string
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from bot.alerts import destination_queue, destinations
from bot.alerts.destinations import DestinationDelivery
from bot.alerts.messages import Severity
from bot.alerts.write_monitor import WriteMonitor
from bot.errors import DatabaseReadOnly, SettingsError
from bot.models import AlertKind
from bot.runtime.retry import RetryPolicy
from bot.settings.settings import Settings
from bot.storage.database import Database
from tests.support.client import API_TOKENS
from tests.support.tables import Tables

#: Apprise imports it with the first address.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

Make = Callable[..., list[DestinationDelivery]]


class Service:
    """An HTTP service that takes what comes, or answers with another status."""

    def __init__(self) -> None:
        self.status = 200
        self.taken: list[tuple[str, dict[str, Any]]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                is_json = "json" in self.headers.get("Content-Type", "")
                said = json.loads(body) if is_json else {name: one[0] for name, one in parse_qs(body).items()}
                if service.status < 400:
                    service.taken.append((self.path, said))
                self.send_response(service.status)
                answer = b'{"ok": true, "status": 1, "result": {}}'
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Mailbox:
    """An SMTP server, as far as one mail needs it."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        mailbox = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 here")
                while line := self.rfile.readline().decode().strip():
                    word = line.split(" ")[0].upper()
                    if word == "DATA":
                        self._say("354 go on")
                        lines: list[str] = []
                        while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                            lines.append(text)
                        mailbox.mails.append("\n".join(lines))
                    self._say("221 bye" if word == "QUIT" else "250 fine")
                    if word == "QUIT":
                        return

            def _say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destination_queue, "RETRY", RetryPolicy(first_sec=0.01, most_sec=300.0, spread=0.0))


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.stop()


@pytest.fixture
def other() -> Iterator[Service]:
    made = Service()
    yield made
    made.stop()


def settings_with(database_url: str, **more: Any) -> Settings:
    return Settings.load(
        database_url=database_url,
        redis_url="redis://127.0.0.1:1/0",
        api_tokens=API_TOKENS,
        data_dir="/nonexistent",
        **more,
    )


@pytest.fixture
def make(database_url: str) -> Iterator[Make]:
    """A delivery for each of the addresses; what happened before them is not told."""
    databases: list[Database] = []

    def made(*urls: str, patience: timedelta = timedelta(0), **more: Any) -> list[DestinationDelivery]:
        settings = settings_with(database_url, alert_urls=" ".join(urls), **more)
        databases.append(Database.connect(settings))
        found = [
            DestinationDelivery(databases[-1], settings, address, patience=patience)
            for address in settings.alert_addresses
        ]
        for each in found:
            each.run()
        return found

    yield made
    for database in databases:
        database.close()


def put(tables: Tables, *kinds: str, reason: str = "smoke") -> None:
    for kind in kinds:
        tables.sql(
            "INSERT INTO bot_alert (kind, facts) VALUES (%s, jsonb_build_object('reason', %s::text, 'mode', 'paper',"
            " 'actor', 'alice', 'source', 'api'))",
            [kind, reason],
        )


def local(service: Service, least: str = "") -> str:
    return f"{least}json://127.0.0.1:{service.port}/"


def titles(service: Service) -> list[str]:
    return [said["title"] for _, said in service.taken]


# -- each protocol --------------------------------------------------------------------------------------------


def test_telegram(make: Make, tables: Tables, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.telegram import NotifyTelegram

    monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{service.port}/bot")
    [telegram] = make("tgram://123456789:abcdefg_hijklmnop/12315544/")
    put(tables, "killed", reason="<b>smoke</b> & fire")
    assert telegram.run() == 1
    [(path, said)] = service.taken
    assert path == "/bot123456789:abcdefg_hijklmnop/sendMessage"
    assert str(said["chat_id"]) == "12315544"
    assert "KILLED by alice (api, paper mode)" in said["text"]
    assert "‹b›smoke‹/b›" in said["text"], "what somebody wrote is no markup"


def test_discord(make: Make, tables: Tables, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.discord import NotifyDiscord

    monkeypatch.setattr(NotifyDiscord, "notify_url", f"http://127.0.0.1:{service.port}/api/webhooks")
    [discord] = make("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js/")
    put(tables, "worker_gone")
    assert discord.run() == 1
    [(path, said)] = service.taken
    assert path == "/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
    assert "No worker has been seen" in json.dumps(said)


def test_pushover(make: Make, tables: Tables, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.pushover import NotifyPushover

    monkeypatch.setattr(NotifyPushover, "notify_url", f"http://127.0.0.1:{service.port}/1/messages.json")
    [pushover] = make(f"pover://{'u' * 30}@{'t' * 30}")
    put(tables, "killed")
    assert pushover.run() == 1
    [(_, said)] = service.taken
    assert (said["user"], said["token"]) == ("u" * 30, "t" * 30)
    assert said["title"] == "Pitboss: killed"


def test_mail(make: Make, tables: Tables) -> None:
    mailbox = Mailbox()
    [mail] = make(
        f"mailto://127.0.0.1:{mailbox.port}?mode=insecure&from=pitboss@desk.example&to=me@desk.example"
    )
    put(tables, "killed", "rearmed")
    assert mail.run() == 2
    mailbox.stop()
    found = message_from_string(mailbox.mails[0])
    assert "Pitboss: 2 alerts" in str(found["Subject"])
    assert "me@desk.example" in str(found["To"])


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


# -- settings and secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("urls", "sentence"),
    [
        ("json://127.0.0.1:1/ foo", "ALERT_URLS is wrong: entry 2 is not an address such as tgram://…"),
        ("urgent=json://127.0.0.1:1/", "ALERT_URLS is wrong: entry 1 is not an address"),
    ],
)
def test_what_is_no_address_stops_the_start(database_url: str, urls: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        settings_with(database_url, alert_urls=urls)
    assert str(wrong.value).startswith(sentence)


@pytest.mark.parametrize("url", ["nonsense://secret-token", "tgram://secret-token"])
def test_an_address_that_apprise_does_not_know_stops_the_start(database_url: str, url: str) -> None:
    with pytest.raises(SettingsError, match=r"entry 1 .* is not an address that Apprise knows") as wrong:
        destinations.check(settings_with(database_url, alert_urls=url))
    assert "secret-token" not in str(wrong.value)


def test_an_address_is_nowhere_to_be_seen(
    make: Make, tables: Tables, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.status = 403
    with caplog.at_level(logging.DEBUG):
        [delivery] = make(f"json://user:secret-of-an-address@127.0.0.1:{service.port}/")
        put(tables, "killed")
        delivery.run()
    rows = tables.sql("SELECT * FROM bot_alert_destination")
    assert rows[0]["error"] == "The service answered 403."
    seen = f"{rows} {[record.getMessage() for record in caplog.records if not record.name.startswith('urllib3')]}"
    assert "secret-of-an-address" not in seen
    assert "json-" in seen


def test_apprise_is_imported_only_where_alerts_are_delivered() -> None:
    import subprocess
    import sys

    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, web.monitoring.background, bot.alerts.destinations; print('apprise' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "False\n", done.stderr
