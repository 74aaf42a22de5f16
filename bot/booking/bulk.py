"""Ends many trades at once: one statement for ten thousand, including their events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, column, func, insert, literal, null, select, text, update
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Session

from bot.booking.author import Author
from bot.models import BotTrade, BotTradeEvent, ExitReason, TradeEventKind, TradeStatus

#: The fields that the event of such an ending shows.
_TOLD = ("status", "exit_reason", "note")
#: A trade's id, and its ``updated_at`` when it was looked at.
Seen = tuple[UUID, datetime]


def miss_many(
    session: Session, seen: Sequence[Seen], author: Author, *, reason: ExitReason, note: str
) -> set[UUID]:
    """Write off those of the open trades *seen* that have not changed since; see ``Booking.miss``.

    Returns:
        The ids of those that were written off. Instances that *session* has loaded are not refreshed.
    """
    return _end(session, seen, author, TradeEventKind.MISSED, TradeStatus.MISSED, reason, note)


def void_many(session: Session, seen: Sequence[Seen], author: Author, *, note: str) -> set[UUID]:
    """Make void those of the open trades *seen* that have not changed since and whose entry is not known to have filled;
    see ``Booking.void``."""
    return _end(
        session, seen, author, TradeEventKind.VOIDED, TradeStatus.VOID, None, note, BotTrade.filled.is_(False)
    )


def _end(
    session: Session,
    seen: Sequence[Seen],
    author: Author,
    kind: TradeEventKind,
    status: TradeStatus,
    reason: ExitReason | None,
    note: str,
    *conditions: ColumnElement[bool],
) -> set[UUID]:
    if not seen:
        return set()
    # a change of the row since it was read is newer knowledge about the trade
    versions = (
        text(
            "SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS timestamptz[])) AS seen(id, version)"
        )
        .bindparams(ids=[str(trade_id) for trade_id, _ in seen], versions=[version for _, version in seen])
        .columns(column("id", PgUuid), column("version"))
        .cte("seen")
    )
    old = (
        select(BotTrade.id, BotTrade.updated_at, BotTrade.status, BotTrade.exit_reason, BotTrade.note)
        .join(versions, versions.c.id == BotTrade.id)
        .where(BotTrade.updated_at == versions.c.version, BotTrade.status == TradeStatus.OPEN, *conditions)
        .cte("old")
    )
    marked = literal("Marked before: ") + BotTrade.exit_reason if reason else null()
    changed = (
        update(BotTrade)
        .where(BotTrade.id == old.c.id, BotTrade.updated_at == old.c.updated_at)
        .values(status=status, exit_reason=reason, note=func.concat_ws("\n", BotTrade.note, marked, note))
        # with the values before: joining the two again would compare every changed row with every old one
        .returning(
            BotTrade.id,
            *(old.c[name].label(f"old_{name}") for name in _TOLD),
            *(BotTrade.__table__.c[name].label(f"new_{name}") for name in _TOLD),
        )
        .cte("changed")
    )
    events = select(
        changed.c.id,
        literal(kind.value),
        *(
            func.jsonb_build_object(
                *(literal("status"), changed.c[f"{when}_status"]),
                *(literal("exitReason"), changed.c[f"{when}_exit_reason"]),
                *(literal("note"), changed.c[f"{when}_note"]),
            )
            for when in ("old", "new")
        ),
        literal(author.actor),
        literal(author.reason),
        literal(author.command_id, PgUuid),
        literal(author.request_key),
    )
    written = insert(BotTradeEvent).from_select(
        ["trade_id", "kind", "before", "after", "actor", "reason", "command_id", "request_key"], events
    )
    ended = session.execute(
        written.returning(BotTradeEvent.trade_id), execution_options={"synchronize_session": False}
    )
    return set(ended.scalars())
