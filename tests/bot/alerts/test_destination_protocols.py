"""An alert in the protocol of each service: Telegram's, Discord's and Pushover's HTTP, and SMTP."""

from __future__ import annotations

import json
from email import message_from_string

import pytest

from tests.bot.alerts.addresses import Make, put
from tests.bot.alerts.services import Mailbox, Service
from tests.support.tables import Tables

pytestmark = [
    # Apprise imports it with the first address.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
    pytest.mark.usefixtures("in_a_hurry"),
]


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
