"""Time limits around what is asked of Alpaca, in seconds. From the inside out, each leaves room for the one before:

a call's own time-outs, the budget of all calls of one piece of work, its wall, and its lease.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Of one call.
CONNECT_TIMEOUT_SEC = 2.0
READ_TIMEOUT_SEC = 4.0


@dataclass(frozen=True)
class Limits:
    """The limits of one piece of work that asks Alpaca several things."""

    #: All calls that keep their own time-outs end within this time.
    budget_sec: float
    #: A call that does not even keep those (name resolution, headers that drip) is left behind then.
    wall_sec: float
    #: How long other processes leave the work to the one that has begun it.
    lease_sec: float


#: The right to read at Alpaca: for a reconciliation that is due, and for a command that is judged on evidence.
GATHERING_LEASE_SEC = 20.0

RECONCILIATION = Limits(9.0, 12.0, GATHERING_LEASE_SEC)
#: The wall leaves some of the 10 s for which evidence counts, so that its failure can still be judged.
MODE_SWITCH = Limits(8.0, 9.0, GATHERING_LEASE_SEC)
FLATTEN_ROUND = Limits(8.0, 10.0, 12.0)
SUSPENSION = Limits(6.0, 8.0, 10.0)
