"""Alerts reach their receiver: signed, in order, once if all goes well and at least once if it does not."""

import base64
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bot.alerts import delivery, outbox
from bot.alerts.delivery import AlertDelivery
from bot.runtime.retry import RetryPolicy
from bot.settings.settings import Settings
from bot.storage.database import Database
from tests.bot.alerts.commands import Bot, alerts
from tests.support.receiver import PATH, Receiver, is_signed
from tests.support.tables import Tables
from tests.support.waiting import wait_for


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "RETRY", RetryPolicy(first_sec=0.05, most_sec=300.0))


@pytest.fixture
def sender(database: Database, settings: Settings) -> AlertDelivery:
    return AlertDelivery(database, settings)


def put(tables: Tables, *reasons: str) -> None:
    for reason in reasons:
        tables.sql(
            "INSERT INTO bot_alert (kind, facts)"
            " VALUES ('stopped', jsonb_build_object('reason', %s::text, 'mode', 'paper'))",
            [reason],
        )


def reasons(receiver: Receiver) -> list[str]:
    return [alert["facts"]["reason"] for alert in receiver.taken]


def run_until_delivered(sender: AlertDelivery, tables: Tables, seconds: float = 5) -> None:
    def done() -> bool:
        sender.run()
        return {alert["status"] for alert in alerts(tables)} == {"delivered"}

    wait_for(done, seconds, "all alerts are delivered", evidence=lambda: str(alerts(tables)))


def test_a_kill_reaches_the_receiver_signed_and_as_slack_understands_it(
    sender: AlertDelivery, receiver: Receiver, tables: Tables, database: Database, settings: Settings
) -> None:
    command = Bot(database, settings).do("kill", "<!channel> & smoke")

    assert sender.run() == 1

    (request,) = receiver.requests
    assert request.signed
    (alert,) = request.alerts
    assert request.body["text"].startswith(
        ":red_circle: KILLED by alice (api, paper mode): &lt;!channel&gt; &amp; smoke."
    )
    assert (alert["kind"], alert["severity"]) == ("killed", "critical")
    assert alert["text"].startswith("KILLED by alice (api, paper mode): <!channel> & smoke.")
    assert alert["facts"]["commandId"] == str(command.id)
    assert alert["id"] == str(alerts(tables)[0]["id"])
    assert alerts(tables)[0]["status"] == "delivered"
    assert sender.run() == 0
    assert len(receiver.requests) == 1


SECRETS = [Receiver.secret, "whsec_" + base64.b64encode(b"twenty-four bytes of key").decode()]


@pytest.mark.parametrize("secret", SECRETS, ids=["any text", "as Standard Webhooks writes it"])
def test_a_receiver_can_tell_a_forged_body_and_another_secret(secret: str) -> None:
    now = int(time.time())
    headers = delivery.signed(secret, "msg_1", now, b"{}")
    assert is_signed(secret, headers, b"{}")
    assert not is_signed(secret, headers, b"{ }")
    assert not is_signed("another-secret-of-the-tests", headers, b"{}")
    assert not is_signed(secret, {**headers, "webhook-id": "msg_2"}, b"{}")
    assert not is_signed(secret, delivery.signed(secret, "msg_1", now - 600, b"{}"), b"{}")


def test_a_message_that_is_sent_again_has_the_same_id(
    sender: AlertDelivery, receiver: Receiver, tables: Tables
) -> None:
    put(tables, "one", "two")
    receiver.behave(status=500)
    sender.run()
    receiver.behave()
    run_until_delivered(sender, tables)
    first, again = receiver.requests[0], receiver.requests[-1]
    assert first.message_id == again.message_id
    assert (again.body["type"], again.body["timestamp"]) == ("pitboss.alerts", again.alerts[-1]["at"])


def test_several_alerts_are_one_message_in_their_order(
    sender: AlertDelivery, receiver: Receiver, tables: Tables
) -> None:
    put(tables, *(f"n{number}" for number in range(14)))

    assert sender.run() == 14

    (request,) = receiver.requests
    assert reasons(receiver) == [f"n{number}" for number in range(14)]
    assert len(request.body["text"].splitlines()) == delivery.SPELLED_OUT + 1
    assert request.body["text"].endswith("… and 4 more")


def test_a_receiver_that_fails_in_every_way_gets_all_in_order_when_it_recovers(
    sender: AlertDelivery, receiver: Receiver, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tables, "one")
    receiver.behave(status=500)
    assert sender.run() == 0
    assert alerts(tables)[0]["error"] == "The receiver answered 500."
    receiver.behave(hangs=True)
    with monkeypatch.context() as impatient:
        impatient.setattr(delivery, "READ_TIMEOUT_SEC", 0.2)
        wait_for(lambda: sender.run() == 0 and alerts(tables)[0]["attempts"] == 2, 3, "tried again")
    assert alerts(tables)[0]["error"] == "The receiver did not answer in time."
    put(tables, "two")
    receiver.stop()
    wait_for(lambda: sender.run() == 0 and alerts(tables)[0]["attempts"] == 3, 3, "tried again")
    assert alerts(tables)[1]["error"] == "The receiver could not be reached (ConnectionError)."

    receiver.behave()
    receiver.start()
    put(tables, "three")
    run_until_delivered(sender, tables)

    assert reasons(receiver) == ["one", "two", "three"]
    assert all(alert["error"] is None for alert in alerts(tables))


def test_the_wait_grows_and_an_answer_may_ask_for_more(
    sender: AlertDelivery, receiver: Receiver, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = RetryPolicy(first_sec=2.0, most_sec=300.0)
    assert [round(policy.wait_sec(failures) / 2.0 ** (failures + 1)) for failures in range(5)] == [1] * 5
    assert 240 <= policy.wait_sec(50) <= 300

    receiver.behave(status=429, headers={"Retry-After": "120"})
    put(tables, "one")
    sender.run()

    (row,) = tables.sql(
        "SELECT extract(epoch FROM next_attempt_at - clock_timestamp()) AS wait FROM bot_alert"
    )
    assert 119 < row["wait"] <= 120 * 1.1, "never sooner than it was asked, and not all at once"


def test_a_redirect_is_not_followed(sender: AlertDelivery, receiver: Receiver, tables: Tables) -> None:
    with Receiver() as other:
        receiver.behave(status=307, headers={"Location": other.url})
        put(tables, "one")
        sender.run()
        assert other.requests == []
    assert alerts(tables)[0]["error"] == "The receiver answered 307."


def test_one_alert_that_is_refused_does_not_keep_the_others_from_being_told(
    sender: AlertDelivery, receiver: Receiver, tables: Tables
) -> None:
    put(tables, "one")
    tables.sql("INSERT INTO bot_alert (kind) VALUES ('poison')")
    put(tables, "two")
    receiver.behave(status=400, only_with="poison")

    assert sender.run() == 2

    assert reasons(receiver) == ["one", "two"]
    assert [alert["status"] for alert in alerts(tables)] == ["delivered", "queued", "delivered"]


def test_two_deliverers_at_once_send_nothing_twice_and_keep_the_order(
    database: Database, settings: Settings, receiver: Receiver, tables: Tables
) -> None:
    receiver.behave(wait_sec=0.05)
    stop = threading.Event()

    def deliver() -> None:
        sender = AlertDelivery(database, settings)
        while not stop.is_set():
            sender.run()

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(deliver) for _ in range(4)]
        for number in range(60):
            put(tables, f"n{number}")
            time.sleep(0.005)
        wait_for(lambda: len(receiver.taken) >= 60, 10, "all came")
        stop.set()
        for each in running:
            each.result()

    assert reasons(receiver) == [f"n{number}" for number in range(60)]
    assert len(receiver.requests) > 3  # or nothing was proved


def test_what_a_deliverer_took_and_died_with_is_sent_by_another(
    database: Database, sender: AlertDelivery, receiver: Receiver, tables: Tables
) -> None:
    put(tables, "one")
    assert len(database.run(lambda session: outbox.claim(session, patience=timedelta(0)))) == 1

    assert sender.run() == 0
    assert receiver.requests == []

    tables.sql("UPDATE bot_alert SET leased_until = clock_timestamp() - interval '1 second'")
    assert sender.run() == 1


def test_a_receiver_that_sends_a_byte_now_and_then_is_left_within_the_lease(
    sender: AlertDelivery, receiver: Receiver, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "WALL_SEC", 1.0)
    receiver.behave(drip=True)
    put(tables, "one")

    assert sender.run() == 0

    assert alerts(tables)[0]["error"] == "The receiver did not answer within 1 s."
    assert outbox.LEASE.total_seconds() > delivery.DELIVERY_SEC + 10.0


def test_web_leaves_an_alert_to_the_worker_for_a_while(
    database: Database, settings: Settings, receiver: Receiver, tables: Tables
) -> None:
    fallback = AlertDelivery(database, settings, patience=delivery.LEFT_TO_A_WORKER)
    put(tables, "one")
    assert fallback.run() == 0
    tables.sql("UPDATE bot_alert SET next_attempt_at = next_attempt_at - interval '6 seconds'")
    assert fallback.run() == 1


def test_after_a_day_an_alert_is_given_up_and_its_row_says_why(
    sender: AlertDelivery, receiver: Receiver, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TIDY_SEC", 0.0)
    receiver.behave(status=503)
    put(tables, "one")
    sender.run()
    put(tables, "two")
    tables.sql("UPDATE bot_alert SET created_at = created_at - interval '25 hours'")

    sender.run()

    assert [(alert["status"], alert["error"]) for alert in alerts(tables)] == [
        ("given_up", "The receiver answered 503."),
        ("given_up", "It was never tried."),
    ]
    assert len(receiver.requests) == 1
    tables.sql("UPDATE bot_alert SET created_at = created_at - interval '90 days'")
    sender.run()
    assert alerts(tables) == []


def test_without_a_webhook_alerts_are_kept_and_say_that_there_was_none(
    database: Database, settings: Settings, tables: Tables
) -> None:
    put(tables, "one")
    none = settings.model_copy(update={"alert_webhook_url": None, "alert_webhook_secret": None})
    AlertDelivery(database, none).run()
    assert alerts(tables)[0]["status"] == "queued"
    tables.sql("UPDATE bot_alert SET created_at = created_at - interval '25 hours'")
    AlertDelivery(database, none).run()
    assert alerts(tables)[0]["error"] == "ALERT_WEBHOOK_URL was not set."


def test_no_line_and_no_row_shows_the_address_or_the_secret(
    sender: AlertDelivery, receiver: Receiver, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.stop()
    put(tables, "one")
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("urllib3").setLevel(logging.WARNING)  # as bot.runtime.logs has it, at every level
        sender.run()
    assert "tried again for a day" in caplog.text
    for hidden in (PATH, receiver.secret):
        assert hidden not in caplog.text
        assert hidden not in str(alerts(tables))
