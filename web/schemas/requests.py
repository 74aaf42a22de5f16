"""The schemas of requests: bodies and query parameters."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool, create_model

from bot.alerts.messages import Severity
from bot.commands.flatten import FlattenRequest
from bot.commands.log import MAX_REASON
from bot.commands.settlement import Settlement
from bot.commands.thresholds import ThresholdChanges
from bot.models import AlertKind, ExitReason, Outcome, TradeStatus, Trigger
from bot.queries.alerts import AlertState
from bot.queries.lists import Agreement
from bot.queries.trade_filter import TradeFilter
from bot.states import CommandKind, CommandStatus, Mode, Source
from web.schemas.base import Input, ListOf, Moment, Query, Storable, Written


class ReasonIn(Input):
    reason: Annotated[Storable, Field(max_length=MAX_REASON)] | None = Field(
        None, description="Why; kept in the command log."
    )


class HaltIn(ReasonIn):
    flatten: StrictBool = Field(
        False, description="Also flatten the account: cancel every order and close every position."
    )


class FlattenIn(FlattenRequest, ReasonIn):
    pass


class ModeIn(ReasonIn):
    mode: Mode = Field(description="The account on which the bot is to act.")


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


class Format(StrEnum):
    """The format of a list."""

    JSON = "json"  # a page
    CSV = "csv"  # all that matches, for a spreadsheet


class Listed(Page):
    format: Format = Field(
        Format.JSON, description="`csv`: all that matches in one file, whatever `limit` and `cursor` say."
    )


class CommandsQuery(Listed):
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
    until: Moment | None = Field(None, description="Only commands issued before this time.")
    text: Annotated[Storable, Field(max_length=200)] = Field(
        "",
        description="Only commands with this text in their reason, error, actor, kind, parameters or id, in any case.",
    )


class TradeFilterQuery(Query):
    status: Annotated[list[TradeStatus], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    symbol: Annotated[Storable, Field(max_length=20)] | None = Field(
        None, description="Only trades of this symbol."
    )
    mode: Annotated[list[Mode], ListOf] = Field(
        default=[],
        description="Only trades of these accounts; a trade whose account is unknown counts as paper.",
    )
    catalyst_type: Annotated[Storable, Field(max_length=200)] | None = Field(
        None, description="Only trades of this catalyst."
    )
    catalyst_tier: Annotated[list[Annotated[int, Field(ge=1, le=4)]], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    exit_reason: Annotated[list[ExitReason], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    since: Annotated[date, Written] | None = Field(
        None, description="Only trades entered on this trading date, in New York, or later."
    )
    until: Annotated[date, Written] | None = Field(
        None, description="Only trades entered on this trading date or earlier."
    )

    def which(self) -> TradeFilter:
        """The filter for the trades."""
        return TradeFilter(
            statuses=self.status,
            symbol=self.symbol,
            modes=self.mode,
            catalyst_type=self.catalyst_type,
            catalyst_tiers=self.catalyst_tier,
            exit_reasons=self.exit_reason,
            since=self.since,
            until=self.until,
        )


class TradesQuery(Listed, TradeFilterQuery):
    pass


class ModeSwitchQuery(Query):
    target: Mode = Field(description="The account on which the bot would act.")


class StatsQuery(Listed):
    mode: Annotated[list[Mode], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    since: Annotated[date, Written] | None = Field(None, description="First trading date, in New York.")
    until: Annotated[date, Written] | None = Field(None, description="Last trading date, in New York.")


class EquityQuery(Query):
    mode: Mode | None = Field(None, description="Of this account; the present mode's if nothing is said.")
    since: Annotated[date, Written] | None = Field(
        None, description="First day, in New York; 29 days before the last if nothing is said."
    )
    until: Annotated[date, Written] | None = Field(
        None, description="Last day, in New York; today if nothing is said."
    )


class ReconciliationsQuery(Listed):
    verdict: Annotated[list[Agreement], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    outcome: Annotated[list[Outcome], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    trigger: Annotated[list[Trigger], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    since: Moment | None = Field(None, description="Only reports finished at or after this time.")
    until: Moment | None = Field(None, description="Only reports finished before this time.")


class AlertsQuery(Listed):
    kind: Annotated[list[AlertKind], ListOf] = Field(
        default=[], description="Only these kinds; several times, or comma separated."
    )
    severity: Annotated[list[Severity], ListOf] = Field(
        default=[], description="Only these; several times, or comma separated."
    )
    state: Annotated[list[AlertState], ListOf] = Field(
        default=[],
        description="Only these; several times, or comma separated. `open`: warning or critical, neither over nor acknowledged.",
    )


class AcknowledgeIn(Input):
    ids: list[UUID] = Field(min_length=1, max_length=200, description="The alerts that were seen.")
