"""The parameters of a ``flatten``, and of a kill or stop that also flattens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ConfigDict, Field, StrictBool, model_validator

from bot.alerts import outbox
from bot.booking.author import Author
from bot.booking.booking import Booking
from bot.commands.settlement import PositionSymbol
from bot.errors import InvalidParams, InvalidTransition
from bot.flattening import exit_marks, flattens
from bot.models import AlertKind, BotCommand
from bot.storage.locked_bot import LockedBot
from bot.trading import trade_requests
from bot.trading.trade_requests import TradeRequest


def _not_both(schema: dict[str, Any]) -> None:
    """Describe the rule of ``_one_of_both`` in the schema."""
    both = {"cancel": {"const": True}, "symbol": {"type": "string"}}
    schema["not"] = {"required": sorted(both), "properties": both}


class FlattenRequest(TradeRequest):
    """The parameters of a ``flatten``; the log has the reason in a column of its own."""

    model_config = ConfigDict(json_schema_extra=_not_both)

    symbol: PositionSymbol | None = Field(
        None, description="Flatten this symbol only; the whole account without it."
    )
    cancel: StrictBool = Field(False, description="End the flatten that is at work.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.cancel and self.symbol is not None:
            raise ValueError("a flatten is ended as a whole: leave symbol out")
        return self


def read(params: Mapping[str, Any] | None) -> FlattenRequest:
    """The parameters of a command.

    Raises:
        InvalidParams: naming each bad field.
    """
    return trade_requests.read(FlattenRequest, params or {})


def is_asked_for(params: object, *, strict: bool = True) -> bool:
    """Whether a kill or stop with these *params* also flattens.

    Raises:
        InvalidParams: *strict* is set, and ``flatten`` is neither true nor false.
    """
    wanted = params.get("flatten", False) if isinstance(params, Mapping) else False
    if strict and not isinstance(wanted, bool):
        raise InvalidParams(details={"fields": {"flatten": ["must be true or false"]}})
    return wanted is True


def start(locked: LockedBot, command: BotCommand, symbol: str | None = None) -> None:
    """Start a flatten of *symbol* or of the account, or extend the one at work to it."""
    mode = locked.config.mode
    begun = flattens.start(locked.session, command.id, mode, symbol, locked.now)
    if begun.is_new:
        facts = {
            "mode": mode,
            "actor": command.actor,
            "reason": command.reason,
            "symbols": begun.flatten.symbols,
        }
        outbox.put(locked.session, AlertKind.FLATTENING, {"commandId": str(command.id), **facts})


def cancel(locked: LockedBot, command: BotCommand) -> None:
    """End the flatten at work and remove its marks from the trades that are still open.

    Raises:
        InvalidTransition: no flatten is at work.
    """
    ended = flattens.cancel(locked.session, locked.now)
    if ended is None:
        raise InvalidTransition("No flatten is at work, so there is nothing to cancel.")
    with Booking(locked.session, Author(command.actor, command.reason, command.id)) as booking:
        exit_marks.clear(locked.session, booking, ended)
    facts = {"mode": ended.mode, "actor": command.actor, "reason": command.reason}
    left = {"orders": ended.orders_left, "positions": (ended.positions_left or [])[:20]}
    outbox.put(
        locked.session, AlertKind.FLATTEN_CANCELLED, {"commandId": str(ended.command_id), **facts, **left}
    )
