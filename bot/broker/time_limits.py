"""Time limits for calls to Alpaca, in seconds. From the inside out, each leaves room for the one before:

a call's own time-outs, the budget of all calls of one task, its wall (after which the task is abandoned), and its lease.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Time-outs of one call.
CONNECT_TIMEOUT_SEC = 2.0
READ_TIMEOUT_SEC = 4.0


@dataclass(frozen=True)
class Limits:
    """The limits of a task that makes several calls to Alpaca."""

    #: All calls end within this time if their own time-outs work.
    budget_sec: float
    #: After this time a call is abandoned for which they do not (name resolution, headers that arrive byte by byte).
    wall_sec: float
    #: How long other processes leave the task to the one that has begun it.
    lease_sec: float


#: Lease of the right to read at Alpaca: for a reconciliation that is due, and for a command that needs evidence.
GATHERING_LEASE_SEC = 20.0

RECONCILIATION = Limits(9.0, 12.0, GATHERING_LEASE_SEC)
#: The wall leaves some of the 10 s for which evidence counts, so that its failure can still be judged.
MODE_SWITCH = Limits(8.0, 9.0, GATHERING_LEASE_SEC)
FLATTEN_ROUND = Limits(8.0, 10.0, 12.0)
SUSPENSION = Limits(6.0, 8.0, 10.0)
