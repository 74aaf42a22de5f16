"""Faults on request: which call goes wrong, how, and how often."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

STATUSES = {
    "401": "unauthorized.",
    "403": "forbidden.",
    "429": "rate limit exceeded",
    "500": "internal server error occurred",
    "502": "bad gateway",
    "503": "service unavailable",
}

KINDS = {
    "timeout": "no answer for `seconds` (60 by default), then the connection is closed",
    "lost_answer": "the call is carried out; then no answer for `seconds` (60 by default), and the connection "
    "is closed",
    "refuse": "the connection is closed at once, without an answer",
    **{status: f"HTTP {status} with Alpaca's error object" for status in STATUSES},
    "html": "200 with an HTML page, as a proxy in between would answer",
    "empty_body": "200 with no byte of body",
    "empty": "200 with an empty list (an empty object where one object is due)",
    "shorter": "the right list without its last `rows` rows (1 by default)",
    "not_a_list": "200 with an object where a list is due (a list where an object is due)",
    "malformed_row": "the right answer with one spoilt row: `qty` is not a number (`missing`: is left out); "
    "an order also loses its status, an account its id",
    "truncated": "the right answer, cut in the middle",
    "slow": "the right answer, after `seconds` (5 by default)",
    "drip": "the right answer, its body one byte every `seconds` (1 by default)",
}

LONGEST_SEC = 600.0
_DEFAULT_SEC = {"timeout": 60.0, "lost_answer": 60.0, "slow": 5.0, "drip": 1.0}


class BadFault(ValueError):
    """The fault cannot be understood. The message is a sentence that says why."""


@dataclass
class Fault:
    """One rule. A call meets it when path, method and key agree, and ``skip`` such calls were let through."""

    kind: str
    path: str = "/v2/"  # the beginning of the paths it is for
    method: str | None = None
    key: str | None = None  # the API key id it is for
    times: int | None = None  # how often it strikes before it is spent; None: always
    skip: int = 0  # matching calls that are let through first
    seconds: float | None = None  # of slow, drip, timeout and lost_answer
    rows: int = 1  # of shorter
    reset_after: float = 60.0  # seconds until the X-RateLimit-Reset of a 429
    retry_after: float | None = None  # a Retry-After header in seconds, for 429 and 503
    missing: bool = False  # of malformed_row
    seen: int = 0  # matching calls so far
    struck: int = 0  # how many of them it spoilt

    @property
    def delay(self) -> float:
        """Seconds to wait: as asked for, or as is usual for the kind; never longer than ten minutes."""
        seconds = _DEFAULT_SEC.get(self.kind, 0.0) if self.seconds is None else self.seconds
        return min(seconds, LONGEST_SEC)

    def matches(self, method: str, path: str, key: str | None) -> bool:
        """Whether the rule is for this call."""
        return (
            path.startswith(self.path)
            and (self.method is None or self.method == method)
            and (self.key is None or self.key == key)
        )

    @property
    def due(self) -> bool:
        """Whether it strikes the call that was just seen."""
        return self.seen > self.skip and (self.times is None or self.struck < self.times)


_COUNTERS = ("seen", "struck")
_TYPES: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "path": (str,),
    "method": (str,),
    "key": (str,),
    "times": (int,),
    "skip": (int,),
    "seconds": (int, float),
    "rows": (int,),
    "reset_after": (int, float),
    "retry_after": (int, float),
    "missing": (bool,),
}


def asked_fault(row: Any) -> Fault:
    """Read one rule as the control API gets it. Raises BadFault: a typo must not mean that there is no fault."""
    if not isinstance(row, Mapping):
        raise BadFault("a fault is an object such as {'kind': '500', 'path': '/v2/positions'}")
    given = {name: value for name, value in row.items() if value is not None and name not in _COUNTERS}
    for name, value in given.items():
        if name not in _TYPES:
            raise BadFault(f"a fault has no field {name!r}; it has {', '.join(_TYPES)}")
        if not isinstance(value, _TYPES[name]) or (isinstance(value, bool) and bool not in _TYPES[name]):
            raise BadFault(f"{name} cannot be {value!r}")
        if isinstance(value, int | float) and not 0 <= value < float("inf"):
            raise BadFault(f"{name} cannot be {value!r}")
    if given.get("kind") not in KINDS:
        raise BadFault(f"kind cannot be {row.get('kind')!r}; it is one of {', '.join(KINDS)}")
    if not given.get("path", "/v2/").startswith("/v2"):
        raise BadFault("path must begin with /v2: the control API has no faults")
    return Fault(**given)


class Faults:
    """The rules in force. They are not kept in the state file: a restart removes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []

    def replace(self, rules: list[Fault]) -> None:
        """Put these rules in place of all others."""
        with self._lock:
            self._rules = rules

    def rows(self) -> list[dict[str, Any]]:
        """The rules with their counters; what was not given is left out."""
        with self._lock:
            defaults = {f.name: f.default for f in fields(Fault)}
            return [
                {n: v for n, v in asdict(rule).items() if n in ("path", *_COUNTERS) or v != defaults[n]}
                for rule in self._rules
            ]

    def strike(self, method: str, path: str, key: str | None) -> Fault | None:
        """The fault of a call, if any. Each matching rule counts it; the first that is due strikes."""
        with self._lock:
            found: Fault | None = None
            for rule in self._rules:
                if rule.matches(method, path, key):
                    rule.seen += 1
                    if found is None and rule.due:
                        rule.struck += 1
                        found = rule
            return found
