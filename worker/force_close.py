"""The flatten before each close, where FORCE_CLOSE_BEFORE_CLOSE_MIN asks for it. Without that setting there is no such task,
and the hook stays reserved for a later program."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bot import market_hours
from bot.states import CommandKind, Source
from worker import context
from worker.app import app
from worker.tasks import outcome
from worker.trading_times import LATEST

NAME = "bot.force_close"
#: The clocks of beat and of the database may differ by so much.
CLOCK_SKEW = timedelta(seconds=30)

log = logging.getLogger(__name__)


def is_due(now: datetime, minutes: int, closures: market_hours.Closures) -> bool:
    """Whether it is *minutes* before that day's close, which on some days comes early and on others not at all."""
    return market_hours.next_before_close(now - LATEST, minutes, closures) <= now + CLOCK_SKEW


def force_close() -> dict[str, Any]:
    """Have the account flattened, once a day however often the message comes."""
    from bot.commands.log import NewCommand  # see worker.context

    settings = context.settings()
    minutes, now = settings.force_close_before_close_min, context.database().now()
    if minutes is None or not is_due(now, minutes, settings.closures):
        log.info("no force-close: the market does not close in %s minutes", minutes)
        return {"status": "not_due"}
    wanted = NewCommand(
        kind=CommandKind.FLATTEN,
        actor="force_close",
        source=Source.SYSTEM,
        reason=f"{minutes} minutes before the close.",
        id=uuid5(NAMESPACE_URL, f"pitboss:{NAME}:{market_hours.trading_date(now)}"),
    )
    controller = context.controller()
    command = controller.submit(wanted)
    controller.apply(up_to_seq=command.seq)
    return outcome(controller.find(command.id) or command)


if context.settings().force_close_before_close_min is not None:
    app.task(name=NAME)(force_close)
