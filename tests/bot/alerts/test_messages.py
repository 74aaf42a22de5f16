"""What an alert says."""

import pytest

from bot.alerts.delivery import AlertDelivery
from bot.models import AlertKind
from bot.settings.settings import Settings
from bot.storage.database import Database
from tests.support.receiver import Receiver
from tests.support.tables import Tables


@pytest.fixture
def sender(database: Database, settings: Settings) -> AlertDelivery:
    return AlertDelivery(database, settings)


#: What is told of once, and does not last.
HAPPENINGS = {
    AlertKind.TRADES_MISSED,
    AlertKind.THRESHOLDS_CHANGED,
    AlertKind.SETTLED,
    AlertKind.APPROVAL_WANTED,
    AlertKind.NEW_ADDRESS,
    AlertKind.LOCKED_OUT,
    AlertKind.RIGHT_REFUSED,
    AlertKind.LOG_HEAD,
}


def test_every_kind_of_alert_has_a_sentence_a_meaning_and_is_delivered(
    sender: AlertDelivery, receiver: Receiver, tables: Tables
) -> None:
    for kind in AlertKind:
        tables.sql("INSERT INTO bot_alert (kind) VALUES (%s)", [kind])
    sender.run()
    assert receiver.kinds == list(AlertKind)
    assert all(len(alert["text"]) > 15 and "{" not in alert["text"] for alert in receiver.taken)
    ends = {resolved for alert in receiver.taken for resolved in alert["resolves"]}
    lasting = {alert["kind"] for alert in receiver.taken if not alert["resolves"]}
    happenings = HAPPENINGS | {AlertKind.TRADE_ENTERED, AlertKind.TRADE_CLOSED, AlertKind.TEST}
    assert ends == lasting - happenings, "what lasts has an end; what was missed is settled one by one"
