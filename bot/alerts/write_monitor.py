"""Finds out every few seconds whether Postgres can be written, since one that only reads answers as one that is well.

What it finds cannot be told by the outbox, which is in the same database: it is sent at once to all who are told of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from uuid import NAMESPACE_URL, uuid5

from bot.alerts import outbox
from bot.alerts.delivery import AlertDelivery
from bot.alerts.destinations import DestinationDelivery
from bot.errors import DatabaseFull, DatabaseReadOnly, DatabaseUnavailable, LockBusy, NotMigrated
from bot.models import AlertKind, Sign
from bot.settings.settings import Settings
from bot.storage.database import Database
from bot.storage.pipeline import BEGIN, COMMIT, Pipeline
from bot.storage.statements import GIVE_SIGN, KEEP_LITTLE_IN_MEMORY, TRY_THE_DISK

#: Time between checks, in seconds.
LOOK_SEC = 4.0
#: How long it has to last before an alert is sent, in seconds: a failover takes less.
PATIENCE_SEC = 15.0
#: Number of the advisory lock: only the process that holds it sends the alert.
_TELLER = uuid5(NAMESPACE_URL, "pitboss:write_monitor")

log = logging.getLogger(__name__)


class WriteMonitor:
    """One for each process of web; one thread calls ``check`` repeatedly, others read ``trouble``."""

    def __init__(self, database: Database, settings: Settings, *, patience_sec: float = PATIENCE_SEC) -> None:
        """*patience_sec* is how long trouble may last untold."""
        self._database = database
        self._ways: Sequence[AlertDelivery | DestinationDelivery] = (
            AlertDelivery(database, settings),
            *(DestinationDelivery(database, settings, address) for address in settings.alert_addresses),
        )
        self._patience_sec = patience_sec
        #: Why nothing can be written; None when it could at the last look.
        self.trouble: DatabaseUnavailable | None = None
        self._since = 0.0
        #: Those of the ways that took it.
        self._told: set[int] = set()
        #: Holds the right to tell it for as long as the trouble lasts.
        self._right = ExitStack()
        self._is_teller = False

    def check(self) -> None:
        """Try to write, and store the result."""
        try:
            self._database.batched(_write)
        except (LockBusy, NotMigrated):
            return  # another process is writing, or tables are missing, which is reported elsewhere
        except DatabaseUnavailable as error:
            self._note_trouble(error)
        else:
            self._note_end()

    def _note_trouble(self, error: DatabaseUnavailable) -> None:
        if self.trouble is None:
            self._since = time.monotonic()
        if type(error) is not type(self.trouble):
            log.error("the database cannot be written: %s", error)
        self.trouble = error
        is_there = isinstance(error, DatabaseFull | DatabaseReadOnly)
        if (
            is_there
            and len(self._told) < len(self._ways)
            and time.monotonic() - self._since >= self._patience_sec
        ):
            self._tell(error)

    def _tell(self, error: DatabaseUnavailable) -> None:
        try:
            if not self._is_teller:
                self._is_teller = self._right.enter_context(self._database.holding(_TELLER))
        except DatabaseUnavailable:
            return
        if not self._is_teller:
            return
        facts = {"errorCode": error.code, "error": str(error)}
        for number, way in enumerate(self._ways):
            # one that refuses is asked again, and the others are not told twice
            if number not in self._told and way.send_past_the_outbox(AlertKind.DATABASE_NOT_WRITABLE, facts):
                self._told.add(number)

    def _note_end(self) -> None:
        if self.trouble is None:
            return
        seconds = round(time.monotonic() - self._since)
        if self._told:
            facts: dict[str, object] = {"forSec": seconds}
            self._database.run(lambda session: outbox.put(session, AlertKind.DATABASE_WRITABLE, facts))
        log.info("the database can be written again, after %s s", seconds)
        self._right.close()
        self.trouble, self._told, self._is_teller = None, set(), False


def _write(batch: Pipeline) -> None:
    batch.send(BEGIN, KEEP_LITTLE_IN_MEMORY, GIVE_SIGN(Sign.WRITE), TRY_THE_DISK(), COMMIT)
