"""The latest snapshot without reading its rows again, as long as nobody has committed anything since they were read.

Postgres tells with any statement whose changes it sees: all transactions below a number, but for those in progress. A commit moves
that number, before whoever committed is told so. Where Postgres tells the same as when the rows were read, they are the same:
a read is never older than the last commit before it began, and most of them ask for two values instead of ten tables.
"""

from __future__ import annotations

from dataclasses import replace

from bot.status import snapshot
from bot.status.snapshot import Rows, Snapshot
from bot.storage.pipeline import Pipeline
from bot.storage.statements import CLOCK

#: Key of ``Pipeline.memory``. What one connection has read counts for it alone: another one may lead to a server that was
#: restored, or took over, and counts its transactions anew.
_KEPT = "pitboss_rows"


def latest(batch: Pipeline) -> Snapshot:
    """Everything that the status and the gate need, at this moment of the database's clock."""
    if batch.is_open:
        return snapshot.snapshot(batch)  # a transaction sees its own changes, which no commit tells of
    kept: Rows | None = batch.memory.get(_KEPT)
    if kept is not None:
        [(now, commits)] = batch.send(CLOCK())
        # a clock that was put back makes what was past future again
        if commits == kept.commits and kept.snapshot.now <= now < kept.until:
            return replace(kept.snapshot, now=now)
    rows = snapshot.read(batch)
    batch.memory[_KEPT] = rows if _nothing_is_in_progress(rows.commits) else None
    return rows.snapshot


def _nothing_is_in_progress(commits: str) -> bool:
    lowest, following, _ = commits.split(":")
    return lowest == following
