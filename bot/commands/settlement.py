"""The parameters of a ``settle``: the actions, and the fields that each one takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from bot.errors import InvalidParams
from bot.trading import trade_requests
from bot.trading.trade_requests import Moment, Price, Shares, TradeRequest
from bot.validation import storable


class SettleAction(StrEnum):
    """What an operator decides."""

    ADOPT = "adopt"  # a position becomes an open trade
    ADJUST = "adjust"  # a trade's shares and entry price, for splits, busts and sales that are not in the broker's record
    CLOSE = "close"  # a trade ended, at this price and time
    VOID = "void"  # a trade never filled
    WRITE_OFF = "write_off"  # a trade's position is gone, and its result is not known
    REOPEN = "reopen"  # a trade that was written off, made void or closed is open: its position is there
    ACKNOWLEDGE = "acknowledge"  # a trade that was written off stays without a result
    IGNORE = "ignore"  # a position is not the bot's
    WATCH = "watch"  # it is the bot's after all


@dataclass(frozen=True)
class ActionSpec:
    """Which fields an action takes."""

    subject: str
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()


#: One row for each action; ``subject`` names what it is about: a ``symbol`` or a ``tradeId``.
ACTIONS: Mapping[SettleAction, ActionSpec] = MappingProxyType(
    {
        SettleAction.ADOPT: ActionSpec("symbol", takes=frozenset({"shares", "entryPrice"})),
        SettleAction.ADJUST: ActionSpec("tradeId", takes=frozenset({"shares", "entryPrice"})),
        SettleAction.CLOSE: ActionSpec(
            "tradeId", needs=frozenset({"exitPrice"}), takes=frozenset({"exitAt", "shares"})
        ),
        SettleAction.VOID: ActionSpec("tradeId"),
        SettleAction.WRITE_OFF: ActionSpec("tradeId"),
        SettleAction.REOPEN: ActionSpec("tradeId"),
        SettleAction.ACKNOWLEDGE: ActionSpec("tradeId"),
        SettleAction.IGNORE: ActionSpec("symbol", takes=frozenset({"shares"})),
        SettleAction.WATCH: ActionSpec("symbol"),
    }
)
_FIELDS = ("symbol", "trade_id", "shares", "entry_price", "exit_price", "exit_at")

#: In the form of Alpaca's list of positions, for any class of asset.
PositionSymbol = Annotated[
    str, Field(min_length=1, max_length=32, pattern=r"^[A-Z0-9][A-Z0-9./_-]*$"), AfterValidator(storable)
]


class Settlement(TradeRequest):
    """The parameters of a ``settle``; the log has the reason in a column of its own."""

    action: SettleAction = Field(description="What is decided.")
    symbol: PositionSymbol | None = Field(None, description="The position, for adopt, ignore and watch.")
    trade_id: UUID | None = Field(None, description="The trade, for every other action.")
    shares: Shares | None = Field(
        None, description="Shares: of the position (adopt, ignore), still held (adjust), exited (close)."
    )
    entry_price: Price | None = Field(None, description="US dollars for one share (adopt, adjust).")
    exit_price: Price | None = Field(None, description="US dollars for one share (close).")
    exit_at: Moment | None = Field(None, description="When it ended (close); now, unless it is given.")

    @model_validator(mode="after")
    def _fields_fit_the_action(self) -> Self:
        """Name each field that is missing or not allowed; a ValueError would be about the body as a whole."""
        spec = ACTIONS[self.action]
        given = {to_camel(name) for name in _FIELDS if getattr(self, name) is not None}
        needed = spec.needs | {spec.subject}
        wrong = {name: [f"is needed for {self.action}"] for name in sorted(needed - given)}
        wrong |= {name: [f"is not taken by {self.action}"] for name in sorted(given - needed - spec.takes)}
        if self.action is SettleAction.ADJUST and not given & spec.takes:
            wrong |= {
                name: ["one of shares and entryPrice is needed for adjust"] for name in sorted(spec.takes)
            }
        if wrong:
            raise trade_requests.invalid(**wrong)
        return self


def read_settlement(params: Mapping[str, Any], reason: str | None) -> Settlement:
    """The settlement in a command's parameters.

    Raises:
        InvalidParams: naming each bad field.
    """
    settlement = trade_requests.read(Settlement, params)
    if not reason or not reason.strip():
        raise InvalidParams(details={"fields": {"reason": ["is needed: say why"]}})
    return settlement
