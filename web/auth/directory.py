"""Who may come in, in the memory of each process: tokens, and the panel's sessions.

Nobody who asks waits for Postgres to be recognised, a kill least of all. A thread of its own keeps the copy: it reads it anew when
Postgres notifies a change, which takes milliseconds, and every few seconds in case a notification was lost. It also writes
what can wait: new sessions, uses, and alerts about refusals. While Postgres is away the copy holds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from bot.access import sessions, tokens
from bot.access.sessions import Known, NewSession
from bot.errors import PitbossError
from bot.models import BotToken
from bot.runtime.threads import Threads
from bot.runtime.timeout import run_with_timeout
from bot.settings.settings import Settings
from bot.settings.tokens import Role
from bot.states import CommandKind
from bot.storage.database import Database
from bot.storage.notifications import ACCESS, LOST

#: How often the copy is read anew when nothing is heard, in seconds.
REFRESH_SEC = 5.0
#: How often it is written who was seen when, in seconds.
NOTE_SEC = 30.0
#: How long a login waits for its row, and a start for the first copy, in seconds. Neither fails for it.
ROW_WAIT_SEC = 1.0
#: A session that is not in the copy is let in on its signature, when the copy is not newer than its login by so many seconds: the
#: row may be on its way, and a slow or full Postgres must not keep whoever has just logged in from the kill button.
UNSEEN_SEC = 600.0
#: Begins the proof of somebody whom a proxy vouches for. No hash of a token looks like that.
VOUCHED = "sso:"
#: What may wait to be written; the oldest is forgotten first.
MOST_LATER = 1_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """Somebody whose token is right."""

    name: str
    role: Role
    commands: frozenset[CommandKind] | None
    #: The hash of the token, by which a session knows what it began with.
    proof: str
    #: Whether Pitboss keeps it, and when it ends, by this process's clock.
    kept: bool = False
    ends_at: float | None = None

    @property
    def token_name(self) -> str | None:
        """The name of the token; None where a proxy says who it is."""
        return None if self.proof.startswith(VOUCHED) else self.name

    @property
    def is_valid(self) -> bool:
        """Whether it has not run out."""
        return self.ends_at is None or time.monotonic() < self.ends_at


class Directory:
    """The copy of one process."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._key = ""
        self._fixed: dict[str, Holder] = {}
        self._vouched: dict[str, Holder] = {}
        self._kept: dict[str, Holder] = {}
        self._known: Mapping[UUID, Known] = {}
        self._read_at: float | None = None
        self._read_wall = 0.0
        self._seen: dict[UUID, float] = {}
        self._ended: set[UUID] = set()
        self._used: dict[str, tuple[datetime, str]] = {}
        self._later: deque[Callable[[Session], None]] = deque(maxlen=MOST_LATER)
        self._noted_at = time.monotonic()
        self._wake = threading.Event()
        self._changed: list[Callable[[], None]] = []
        self._started = False

    def use_key(self, key: str) -> None:
        """Hash tokens with *key*, which is SECRET_KEY."""
        self._key = key
        holders = [
            Holder(each.name, each.role, each.commands, self.hash_of(each.token.get_secret_value()))
            for each in self._settings.tokens
        ]
        self._fixed = {holder.proof: holder for holder in holders}

    def vouch_for(self, holders: Iterable[Holder]) -> None:
        """Know those whom a proxy vouches for, who have no token."""
        self._vouched = {holder.proof: holder for holder in holders}

    def start(self, threads: Threads) -> None:
        """Read the copy, if Postgres answers soon, and keep it from now on."""
        with suppress(PitbossError, TimeoutError):
            run_with_timeout(ROW_WAIT_SEC, self._refresh)
        self._started = True
        threads.repeat("access", 0, self._work, wake=self._wake.set)

    def heard(self, channel: str, payload: str) -> None:
        """A notification came in."""
        if channel in (ACCESS, LOST.channel):
            self._wake.set()

    def on_change(self, act: Callable[[], None]) -> None:
        """Have *act* called when the copy was read anew."""
        self._changed.append(act)

    # -- tokens -----------------------------------------------------------------------------------------------

    def hash_of(self, token: str) -> str:
        return tokens.hash_of(token, self._key)

    def holder(self, proof: str) -> Holder | None:
        """Whose token has this hash; None when nobody's has."""
        found = self._fixed.get(proof) or self._kept.get(proof) or self._vouched.get(proof)
        return found if found is not None and found.is_valid else None

    def note_use(self, holder: Holder, address: str) -> None:
        """*holder*'s token was used from *address*."""
        if holder.kept:
            self._used[holder.proof] = (datetime.now(UTC), address)

    # -- sessions ---------------------------------------------------------------------------------------------

    def begin(self, new: NewSession) -> None:
        """Keep *new*. It counts at once, whether its row can be written now or later."""
        written = threading.Event()

        def write(session: Session) -> None:
            sessions.begin(session, new)
            written.set()

        self._seen[new.id] = time.time()
        self.later(write)
        if self._started:
            written.wait(ROW_WAIT_SEC)

    def end(self, gone: NewSession, by: str) -> None:
        """End a session: here at once, elsewhere as soon as it is written."""
        self._ended.add(gone.id)
        self._tell()
        written = threading.Event()

        def write(session: Session) -> None:
            sessions.end(session, gone, by)
            written.set()

        self.later(write)
        if self._started:
            written.wait(ROW_WAIT_SEC)

    def admits(self, session_id: UUID, began_at: float) -> bool:
        """Whether the session with this id, which began at *began_at*, still counts."""
        if session_id in self._ended:
            return False
        known = self._known.get(session_id)
        if known is None:
            return self._read_at is None or self._read_wall - began_at < UNSEEN_SEC
        since_read = timedelta(seconds=time.monotonic() - (self._read_at or 0))
        idle = known.idle + since_read
        if session_id in self._seen:
            idle = min(idle, timedelta(seconds=max(0.0, time.time() - self._seen[session_id])))
        return not known.ended and known.left > since_read and idle < self._settings.session_idle

    def was_ended(self, session_id: UUID) -> bool:
        """Whether the session was ended, by Postgres itself: another process may have done it, and the copy not know yet. While
        Postgres does not answer, the copy holds."""
        try:
            return self._database.read(lambda session: sessions.is_ended(session, session_id))
        except PitbossError:
            return False

    def note_seen(self, session_id: UUID) -> None:
        """The session is in use."""
        self._seen[session_id] = time.time()

    # -- the thread -------------------------------------------------------------------------------------------

    def later(self, write: Callable[[Session], None]) -> None:
        """Have *write* run in a transaction of its own, soon."""
        self._later.append(write)
        self._wake.set()

    def _work(self) -> None:
        self._wake.wait(REFRESH_SEC)
        self._wake.clear()
        self._write()
        self._refresh()
        self._tell()

    def _tell(self) -> None:
        for act in self._changed:
            act()

    def _write(self) -> None:
        if time.monotonic() - self._noted_at >= NOTE_SEC:
            self._noted_at = time.monotonic()
            self._note()
        while self._later:
            write = self._later[0]
            try:
                self._database.run(write)
            except PitbossError:
                raise  # it stays in line
            except Exception:
                log.exception("something about access could not be written, and is left out")
            with suppress(IndexError, ValueError):
                self._later.remove(write)

    def _note(self) -> None:
        """Have written who was seen and which token used since the last time."""
        seen = {key: datetime.fromtimestamp(at, UTC) for key, at in self._seen.copy().items()}
        used, self._used = self._used, {}

        def note(session: Session) -> None:
            sessions.note_seen(session, seen)
            for token_hash, (at, address) in sorted(used.items()):
                tokens.note_use(session, token_hash, at, address)

        if seen or used:
            self._later.append(note)
        oldest = time.time() - 2 * NOTE_SEC
        self._seen = {key: at for key, at in self._seen.copy().items() if at > oldest}

    def _refresh(self) -> None:
        now = time.monotonic()
        rows, self._known = self._database.batched(lambda batch: (tokens.valid(batch), sessions.known(batch)))
        self._kept = {row.hash: _holder(row, now) for row in rows}
        self._read_at, self._read_wall = now, time.time()
        self._ended -= {key for key, known in self._known.items() if known.ended}


def _holder(row: BotToken, now: float) -> Holder:
    ends_at = None
    if row.expires_at is not None:
        ends_at = now + (row.expires_at - datetime.now(UTC)).total_seconds()
    commands = None
    if row.commands is not None:
        # a kind that only a newer release knows cannot be asked for here
        commands = frozenset(CommandKind(each) for each in row.commands if each in list(CommandKind))
    return Holder(row.name, Role(row.role), commands, row.hash, kept=True, ends_at=ends_at)
