"""What an address of ALERT_URLS must be, and that its secret is in no log."""

from __future__ import annotations

import logging

import pytest

from bot.alerts import destinations
from bot.errors import SettingsError
from tests.bot.alerts.addresses import Make, put, settings_with
from tests.bot.alerts.services import Service
from tests.support.tables import Tables

pytestmark = [
    # Apprise imports it with the first address.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
    pytest.mark.usefixtures("in_a_hurry"),
]


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
