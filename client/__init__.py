"""A typed client of Pitboss. It needs requests and pydantic, nothing else.

from client import Pitboss

with Pitboss("http://127.0.0.1:8000", token) as bot:
    bot.start(reason="the open looks calm")
"""

from client.errors import (
    CommandRefused,
    Expired,
    GateClosed,
    InvalidInput,
    InvalidTransition,
    Killed,
    NotAllowed,
    NotApproved,
    NotFound,
    OutcomeUnknown,
    PitbossError,
    Refused,
    StillPending,
    Superseded,
    TradeConflict,
    Unavailable,
)
from client.pitboss import Pitboss

__all__ = [
    "CommandRefused",
    "Expired",
    "GateClosed",
    "InvalidInput",
    "InvalidTransition",
    "Killed",
    "NotAllowed",
    "NotApproved",
    "NotFound",
    "OutcomeUnknown",
    "Pitboss",
    "PitbossError",
    "Refused",
    "StillPending",
    "Superseded",
    "TradeConflict",
    "Unavailable",
]
