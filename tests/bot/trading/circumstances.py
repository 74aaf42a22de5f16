"""In which trades are recorded: reserved, written off, while the bot is halted, over a connection that breaks."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.models import BotTrade
from tests.bot.ledger_world import World

WROTE_OFF = (
    "UPDATE bot_trade SET status = 'missed', exit_reason = 'reconciled_missing_on_startup' WHERE id = :id"
)
IN_EVERY_STATE = pytest.mark.parametrize("halt", ["pause", "stop", "kill"])


def reserve(world: World, **changes: Any) -> BotTrade:
    return world.ledger.open_trade(**{"symbol": "ACME", "shares": 10, "entry_price": "10.00", **changes})


def broken_commits(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The first commits succeed, but the connection breaks before anybody hears of it."""
    commit, left = Session.commit, [count]

    def break_off(session: Session) -> None:
        commit(session)
        if left[0]:
            left[0] -= 1
            raise OperationalError("COMMIT", None, Exception("gone"), connection_invalidated=True)

    monkeypatch.setattr(Session, "commit", break_off)
