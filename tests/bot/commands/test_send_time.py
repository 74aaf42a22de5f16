"""Which manual commands have to say when they were sent, and how far in the future that may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.commands import send_time
from bot.errors import SendTimeInFuture, SendTimeMissing
from bot.models import BotCommand
from bot.states import COMMANDS, CommandKind, Source

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
SOON = timedelta(microseconds=1)


def check(
    kind: CommandKind,
    sent_at: datetime | None,
    *,
    source: Source = Source.CELERY,
    params: dict[str, Any] | None = None,
) -> None:
    command = BotCommand(kind=kind, source=source, params=params or {}, sent_at=sent_at, issued_at=NOW)
    send_time.check(command, COMMANDS[kind])


@pytest.mark.parametrize(
    "kind", [CommandKind.START, CommandKind.RESUME, CommandKind.REARM, CommandKind.SET_MODE]
)
def test_what_a_halt_calls_off_says_when_it_was_sent(kind: CommandKind) -> None:
    with pytest.raises(SendTimeMissing):
        check(kind, None)
    check(kind, None, source=Source.API)
    check(kind, NOW)


def test_the_end_of_a_flatten_says_when_it_was_sent_and_its_start_need_not() -> None:
    check(CommandKind.FLATTEN, None)
    with pytest.raises(SendTimeMissing):
        check(CommandKind.FLATTEN, None, params={"cancel": True})


@pytest.mark.parametrize("kind", [CommandKind.KILL, CommandKind.STOP, CommandKind.PAUSE])
def test_what_makes_the_bot_safer_is_never_refused_for_its_time(kind: CommandKind) -> None:
    check(kind, None)
    check(kind, NOW + timedelta(hours=1))


@pytest.mark.parametrize("kind", [CommandKind.START, CommandKind.UPDATE_CONFIG])
def test_a_clock_may_be_two_seconds_ahead_and_no_more(kind: CommandKind) -> None:
    check(kind, NOW + timedelta(seconds=2))
    check(kind, NOW - timedelta(hours=1))
    with pytest.raises(SendTimeInFuture) as caught:
        check(kind, NOW + timedelta(seconds=2) + SOON)
    assert caught.value.details == {"aheadSec": 2.0}
    with pytest.raises(SendTimeInFuture) as caught:
        check(kind, NOW + timedelta(seconds=7, milliseconds=260))
    assert caught.value.details == {"aheadSec": 7.3}
    check(kind, NOW + timedelta(hours=1), source=Source.API)


def test_a_change_of_thresholds_need_not_say_when_it_was_sent() -> None:
    check(CommandKind.UPDATE_CONFIG, None)
