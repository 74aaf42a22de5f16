"""An Idempotency-Key of a request to the ledger: the same request again changes nothing."""

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
    """A key, and whose it is. Use it under the lock on the singleton row.

    Only requests that did something are kept: one that was refused may come again under its key.
    """

    actor: str
    key: str

    def find(self, session: Session, request: Mapping[str, Any]) -> UUID | None:
        """The trade of the request that came with this key before; None when none did.

        Raises:
            IdempotencyConflict: it was another request.
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
        """Remember that *request* was done, with all else in the transaction."""
        session.add(
            BotLedgerRequest(actor=self.actor, key=self.key, request=dict(request), trade_id=trade_id)
        )
        session.flush()
