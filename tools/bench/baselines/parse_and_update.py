"""What a reconciliation cannot do without: parse the positions once, and write off the missing trades in one UPDATE."""

from __future__ import annotations

import json
from typing import Any


def run(connection: Any, positions: bytes, missing: list[str]) -> None:
    """*missing* are the ids of the trades; that they are missing is not even found out here."""
    json.loads(positions)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE bot_trade SET status = 'missed', exit_reason = 'reconciled_missing_on_startup',"
            " note = 'No position at Alpaca.' WHERE status = 'open' AND id = ANY(%s::uuid[])",
            [missing],
        )
        if cursor.rowcount != len(missing):
            raise RuntimeError(f"{cursor.rowcount} trades were written off instead of {len(missing)}")
