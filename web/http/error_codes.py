"""Every code that an error of this interface can have, with a sentence that goes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.access.tokens import TokenRefused
from bot.broker.errors import BrokerError
from bot.errors import CommandRefused, PitbossError, SettingsError
from web.http.errors import CODES

#: Errors that only one place answers.
_ELSEWHERE = {
    "csrf": "The request did not come from a page of this session: reload the page.",
    "not_ready": "Postgres cannot be reached.",
    "too_many_streams": "Too many event streams are open.",
}
#: No answer has the code of a group, a broker's error is only in reports, and tokens are made by a script.
_NO_ANSWERS = (BrokerError, SettingsError, TokenRefused)


def _of(kind: type[PitbossError]) -> Iterator[tuple[str, str]]:
    if issubclass(kind, _NO_ANSWERS):
        return
    if kind not in (PitbossError, CommandRefused):
        yield kind.code, " ".join((kind.__doc__ or "").split())
    for each in kind.__subclasses__():
        yield from _of(each)


#: Codes that also occur in the command log have their own sentence here.
ERROR_CODES: Mapping[str, str] = {**dict(_of(PitbossError)), **dict(CODES.values()), **_ELSEWHERE}
