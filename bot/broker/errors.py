"""What can go wrong with Alpaca. A class's docstring is its message, as in ``bot.errors``."""

from __future__ import annotations

from bot.errors import PitbossError


class BrokerError(PitbossError):
    """Alpaca gave no usable answer. What it holds is unknown, which is not the same as nothing."""

    code = "broker_unknown"

    #: Seconds to wait before asking again, where Alpaca said so.
    retry_after_sec: float | None = None


class BrokerTimeout(BrokerError):
    """Alpaca did not answer in time."""

    code = "broker_timeout"


class BrokerUnreachable(BrokerError):
    """Alpaca could not be reached."""

    code = "broker_unreachable"


class BrokerUnauthorized(BrokerError):
    """Alpaca rejected the API keys."""

    code = "broker_unauthorized"


class BrokerRateLimited(BrokerError):
    """Alpaca's limit of requests a minute is used up."""

    code = "broker_rate_limited"


class BrokerFailed(BrokerError):
    """Alpaca answered with an error."""

    code = "broker_failed"


class BrokerGarbled(BrokerError):
    """Alpaca's answer could not be understood."""

    code = "broker_garbled"


class BrokerRefused(BrokerError):
    """Alpaca understood the request and will not do it; nothing was changed."""

    code = "broker_refused"


class BrokerNotFound(BrokerError):
    """Alpaca does not know it."""

    code = "broker_not_found"


class BrokerInconsistent(BrokerError):
    """Alpaca's answers contradict each other."""

    code = "broker_inconsistent"


class RequestsUsedUp(BrokerError):
    """This needs more requests than Pitboss makes to Alpaca within a minute."""

    code = "requests_used_up"


class AccountMismatch(BrokerError):
    """These API keys belong to another Alpaca account than the one this mode is bound to."""

    code = "account_mismatch"


class AccountBlocked(BrokerError):
    """Alpaca has blocked trading on this account."""

    code = "account_blocked"


class StaleEvidence(BrokerError):
    """The reading from Alpaca was too old, of another mode, or from before the gate was closed when it was judged."""

    code = "stale_evidence"
