"""The shapes of requests: bodies and query parameters."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, StrictBool, create_model

from bot.commands.flatten import FlattenRequest
from bot.commands.log import MAX_REASON
from bot.commands.settlement import Settlement
from bot.commands.thresholds import ThresholdChanges
from bot.models import Outcome, TradeStatus, Trigger
from bot.queries.lists import Agreement
from bot.states import CommandKind, CommandStatus, Mode, Source
from web.schemas.base import Input, ListOf, Moment, Query, Storable, Written


class ReasonIn(Input):
    reason: Annotated[Storable, Field(max_length=MAX_REASON)] | None = Field(
        None, description="Why; kept in the command log."
    )


class HaltIn(ReasonIn):
    flatten: StrictBool = Field(
        False, description="Make the account flat, too: cancel every order and close every position."
    )


class FlattenIn(FlattenRequest, ReasonIn):
    pass


class ModeIn(ReasonIn):
    mode: Mode = Field(description="The account that the bot shall act on.")


ConfigIn = create_model("ConfigIn", __base__=(ThresholdChanges, ReasonIn))


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is needed: say why")
    return value


class SettlementIn(Settlement):
    reason: Annotated[Storable, Field(min_length=1, max_length=MAX_REASON), AfterValidator(_not_blank)] = (
        Field(description="Why; kept in the command log and in the trade's events.")
    )


class Page(Query):
    limit: int = Field(50, ge=1, le=200, description="The most items in one answer.")
    cursor: Annotated[Storable, Field(max_length=200)] | None = Field(
        None, description="`nextCursor` of the page before."
    )


class CommandsQuery(Page):
    kind: Annotated[list[CommandKind], ListOf] = Field(
        default=[], description="Only these kinds; several times, or comma separated."
    )
    status: Annotated[list[CommandStatus], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    source: Annotated[list[Source], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    actor: Annotated[Storable, Field(max_length=200)] | None = Field(
        None, description="Only commands of this actor."
    )
    since: Moment | None = Field(None, description="Only commands issued at or after this time.")


class TradesQuery(Page):
    status: Annotated[list[TradeStatus], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    symbol: Annotated[Storable, Field(max_length=20)] | None = Field(
        None, description="Only trades of this symbol."
    )


class StatsQuery(Page):
    mode: Annotated[list[Mode], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    since: Annotated[date, Written] | None = Field(None, description="First trading date, in New York.")
    until: Annotated[date, Written] | None = Field(None, description="Last trading date, in New York.")


class ReconciliationsQuery(Page):
    verdict: Annotated[list[Agreement], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    outcome: Annotated[list[Outcome], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    trigger: Annotated[list[Trigger], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
