"""``script/verify-log``: recomputes the chain of hashes over the finished commands, and says where it breaks.

Each hash is computed here from the row, not by the database's function, so a change of that function is found as well.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.errors import PitbossError
from bot.models import BotArchive, BotCommand
from bot.settings.settings import Settings
from bot.storage.database import Database
from bot.storage.statements import LINKED_COMMANDS

#: Commands that are read in one statement, and that are counted in one: none takes long, however long the log is.
BATCH, COUNTED = 5_000, 100_000


@dataclass(frozen=True)
class Head:
    """The end of the chain. Written down elsewhere, it proves later that nothing before it was changed."""

    link: int
    hash: str

    def __str__(self) -> str:
        return f"{self.link}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """The head that ``link:hash`` names.

        Raises:
            ValueError: *text* does not have this form.
        """
        match = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a head such as 4711:9f86d0…")
        return cls(int(match[1]), match[2])


NOTHING = Head(0, "")


class Broken(Exception):
    """The log was changed afterwards."""


def head(session: Session) -> Head:
    """The present end of the chain, unverified."""
    row = session.execute(
        select(BotCommand.link, BotCommand.hash)
        .where(BotCommand.link.is_not(None))
        .order_by(BotCommand.link.desc())
        .limit(1)
    ).one_or_none()
    return NOTHING if row is None else Head(row.link, row.hash)


def verify(database: Database, noted: Sequence[Head] = ()) -> Head:
    """Recompute the whole chain and return its end. Only archived commands may be missing; the first one after a gap cannot be
    verified.

    Args:
        database: where the log is.
        noted: heads that were written down earlier; each has to be in the chain.

    Raises:
        Broken: says which command was changed, removed, inserted, or is not in the chain.
    """
    last = NOTHING
    wanted = {each.link: each for each in noted}
    archived = database.read(_archived)
    for command_id, link, kept, content in _links(database):
        missing = link - last.link - 1
        archived -= missing
        if missing < 0 or archived < 0:
            raise Broken(
                f"The chain goes from link {last.link} to {link} (command {command_id}): a command was taken out or put in."
            )
        made = kept if missing else hashlib.sha256((last.hash + content).encode()).hexdigest()
        if made != kept:
            raise Broken(f"Command {command_id} (link {link}) is not as it was when it was finished.")
        last = Head(link, made)
        if link in wanted and wanted[link] != last:
            raise Broken(
                f"Link {link} is {made}, not the {wanted[link].hash} that was noted: the log was rewritten."
            )
    for each in noted:
        if each.link > last.link:
            raise Broken(
                f"The chain ends at link {last.link}; link {each.link} was noted: its end was cut off."
            )
    if loose := _loose(database):
        raise Broken(
            f"{loose} finished command(s) are not in the chain, though they were finished after it began."
        )
    return last


def _links(database: Database) -> Iterator[tuple[str, int, str, str]]:
    after = 0
    while True:
        rows = database.batched(lambda batch, after=after: batch.send(LINKED_COMMANDS(after, BATCH)))  # type: ignore[misc]
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1][1]


def _archived(session: Session) -> int:
    """How many commands were archived: moved to files, whose hashes are in ``bot_archive``."""
    rows = select(func.coalesce(func.sum(BotArchive.rows), 0)).where(
        BotArchive.table_name == BotCommand.__tablename__
    )
    return int(session.scalars(rows).one())


def _loose(database: Database) -> int:
    """How many commands finished after the chain began and are not in it."""
    chained = BotCommand.link.is_not(None)
    began = database.read(
        lambda session: session.scalar(
            select(BotCommand.finished_at).where(chained).order_by(BotCommand.link).limit(1)
        )
    )
    if began is None:
        return 0
    first, last = database.read(
        lambda session: session.execute(select(func.min(BotCommand.seq), func.max(BotCommand.seq))).one()
    )
    loose = 0
    for start in range(first, last + 1, COUNTED):
        counted = select(func.count()).where(
            BotCommand.seq.between(start, start + COUNTED - 1),
            ~chained,
            BotCommand.finished_at > began,
        )
        loose += database.read(lambda session, counted=counted: session.scalars(counted).one())  # type: ignore[misc]
    return loose


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 if the chain is intact, 1 if it is not or cannot be read."""
    parser = argparse.ArgumentParser(prog="script/verify-log", description=__doc__)
    parser.add_argument(
        "head", nargs="*", help="link:hash as an alert or an earlier run named it; it has to be in the chain"
    )
    asked = parser.parse_args(arguments)
    try:
        noted = [Head.parse(each) for each in asked.head]
    except ValueError as error:
        parser.error(str(error))
    try:
        database = Database.connect(Settings.load(), 1)
        try:
            found = verify(database, noted)
        finally:
            database.close()
    except (Broken, PitbossError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The log holds: {found.link} commands in the chain.")
    print(f"head {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
