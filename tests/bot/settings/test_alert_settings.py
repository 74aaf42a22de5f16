"""The settings of logs and alerts; a wrong one stops the start with a sentence that names it and shows no secret."""

import pytest

from bot.errors import SettingsError
from bot.settings.settings import Settings

SECRET = "secret-of-the-webhook"


@pytest.fixture(autouse=True)
def no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "/nonexistent")


def load(**values: str) -> Settings:
    return Settings.load(database_url="postgresql://h/d", redis_url="redis://h/0", **values)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T/B/x",
        "http://127.0.0.1:9000/alerts",
        "http://[::1]:9000/",
        "http://10.1.2.3/x",
        "http://alert-bridge:9000/x",
        "http://bridge.internal/x",
    ],
)
def test_an_address_that_alerts_may_be_sent_to(url: str) -> None:
    webhook = load(alert_webhook_url=url, alert_webhook_secret=SECRET).alert_webhook
    assert webhook is not None
    assert webhook.url.get_secret_value() == url.rstrip("/")
    assert url not in repr(webhook)
    assert SECRET not in repr(webhook)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("hooks.slack.com/services/T/B/hidden", "must be an http:// or https:// address"),
        ("ftp://example.com/hidden", "must be an http:// or https:// address"),
        ("https://", "must be an http:// or https:// address"),
        ("https://[::1/hidden", "must be an http:// or https:// address"),
        ("http://hooks.slack.com/hidden", "must be an https:// address"),
        ("http://93.184.216.34/hidden", "must be an https:// address"),
        ("https://user:hidden@example.com/", "must have neither a user"),
        ("https://example.com/#hidden", "must have neither a user"),
    ],
)
def test_an_address_that_is_refused(url: str, reason: str) -> None:
    with pytest.raises(SettingsError, match="ALERT_WEBHOOK_URL is wrong: " + reason) as refused:
        load(alert_webhook_url=url, alert_webhook_secret=SECRET)
    assert "hidden" not in str(refused.value)


def test_address_and_secret_come_together() -> None:
    with pytest.raises(SettingsError, match="ALERT_WEBHOOK_URL is set without ALERT_WEBHOOK_SECRET"):
        load(alert_webhook_url="https://example.com/x")
    with pytest.raises(SettingsError, match="ALERT_WEBHOOK_SECRET is set without ALERT_WEBHOOK_URL"):
        load(alert_webhook_secret=SECRET)
    assert load().alert_webhook is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alert_webhook_secret", "short"),
        ("alert_gate_closed_min", "0"),
        ("alert_gate_closed_min", "soon"),
        ("log_level", "loud"),
        ("log_format", "xml"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name.upper()} is wrong"):
        load(**{name: value})


def test_levels_and_formats_are_read_in_either_case() -> None:
    settings = load(log_level="debug", log_format="JSON", alert_gate_closed_min="7")
    assert (settings.log_level, settings.log_format, settings.alert_gate_closed_min) == ("DEBUG", "json", 7)
