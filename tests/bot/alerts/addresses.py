"""Addresses of ALERT_URLS, and what is there to be told to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.alerts.destinations import DestinationDelivery
from bot.settings.settings import Settings
from tests.support.client import API_TOKENS
from tests.support.tables import Tables

Make = Callable[..., list[DestinationDelivery]]


def settings_with(database_url: str, **more: Any) -> Settings:
    return Settings.load(
        database_url=database_url,
        redis_url="redis://127.0.0.1:1/0",
        api_tokens=API_TOKENS,
        data_dir="/nonexistent",
        **more,
    )


def put(tables: Tables, *kinds: str, reason: str = "smoke") -> None:
    for kind in kinds:
        tables.sql(
            "INSERT INTO bot_alert (kind, facts) VALUES (%s, jsonb_build_object('reason', %s::text, 'mode', 'paper',"
            " 'actor', 'alice', 'source', 'api'))",
            [kind, reason],
        )
