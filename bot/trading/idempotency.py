"""The Idempotency-Key of a request to the ledger: repeating the request changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from bot.errors import IdempotencyConflict
from bot.models import BotLedgerRequest


@dataclass(frozen=True)
class IdempotencyKey:
    """A key and its actor. Use it under the lock on the singleton row.

    Only requests that changed something are stored: a rejected one may be sent again with its key.
    """

    actor: str
    key: str

    def find(self, session: Session, request: Mapping[str, Any]) -> UUID | None:
        """The trade of the earlier request with this key; None if there was none.

        Raises:
            IdempotencyConflict: the earlier request was a different one.
        """
        there = session.get(BotLedgerRequest, (self.actor, self.key))
        if there is None:
            return None
        if there.request != request:
            raise IdempotencyConflict(
                "This Idempotency-Key was already used for another request. Use a new key for a new request.",
                details={"tradeId": str(there.trade_id)},
            )
        return there.trade_id

    def keep(self, session: Session, request: Mapping[str, Any], trade_id: UUID) -> None:
        """Store *request* in the same transaction."""
        session.add(
            BotLedgerRequest(actor=self.actor, key=self.key, request=dict(request), trade_id=trade_id)
        )
        session.flush()
