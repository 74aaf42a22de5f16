"""Writes rows that may be archived into a file, reads the file back, and only then deletes them.

A file is JSON lines, compressed: ``zcat`` and any program read it. Its row in ``bot_archive`` holds its count and its hash, and
without that row the triggers prevent the deletion. A program that is interrupted leaves an extra file, never a lost row.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, bindparam, delete, func, select
from sqlalchemy.orm import Session

from bot.archive.tables import ARCHIVABLE, Archivable, row_as_json
from bot.models import BotArchive
from bot.storage.database import Database

#: The most rows of one file, and of one transaction that deletes.
FILE_ROWS, DELETE_ROWS = 500_000, 2_000
#: Keys that are looked at in one statement, however few of their rows may leave: no statement takes long in a long table.
READ_ROWS = 5_000


class ArchiveDamaged(Exception):
    """A file that was just written does not hold what was written into it: nothing was deleted."""


class MayNotDelete(Exception):
    """The database's role may not delete rows of the log: nothing was written."""


@dataclass(frozen=True)
class Archived:
    """One archive file."""

    table: str
    path: Path
    rows: int
    sha256: str


def archive(database: Database, up_to: datetime, directory: Path) -> Iterator[Archived]:
    """Move the rows from before *up_to* into files in *directory*, one after the other.

    Raises:
        MayNotDelete: the role of *database* is not the tables' owner's; nothing was written.
        ArchiveDamaged: a file does not hold what was written into it.
        DatabaseUnavailable: Postgres cannot be reached; rows that were not deleted are archived again next time.
    """
    if not database.read(_may_delete):
        raise MayNotDelete(
            "This role may not delete rows of the log, as the application never does. Set DATABASE_OWNER_URL to the address of the"
            " tables' owner; with docker compose the service `migrate` has it."
        )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for table, archivable in ARCHIVABLE.items():
        # each file begins where the last one ended: what it left behind, deleted rows among it, is not read again
        after, last = _ends(database, archivable)
        while True:
            keys, written = _write(database, table, archivable, up_to, directory, after, last)
            if written is None:
                break
            archive_id = _note(database, written, up_to)
            _delete(database, archivable, keys, archive_id)
            yield written
            if len(keys) < FILE_ROWS:
                break
            after = keys[-1]


def _may_delete(session: Session) -> bool:
    return all(
        session.scalar(select(func.has_table_privilege(table, "DELETE"))) for table in sorted(ARCHIVABLE)
    )


def _ends(database: Database, archivable: Archivable) -> tuple[int, int]:
    """The key before the first one of the table, and the last one."""
    first, last = database.read(
        lambda session: session.execute(select(func.min(archivable.key), func.max(archivable.key))).one()
    )
    return (first or 1) - 1, last or 0


def _write(
    database: Database,
    table: str,
    archivable: Archivable,
    up_to: datetime,
    directory: Path,
    after: int,
    last: int,
) -> tuple[array[int], Archived | None]:
    keys: array[int] = array("q")
    draft = directory / f".{table}.draft"
    with draft.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, compresslevel=6, mtime=0) as file:
        os.fchmod(raw.fileno(), 0o600)
        for key, line in _rows(database, archivable, up_to, after, last):
            keys.append(key)
            file.write(line.encode() + b"\n")
        file.close()
        raw.flush()
        os.fsync(raw.fileno())
    if not keys:
        draft.unlink()
        return keys, None
    path = directory / f"{table}-{up_to:%Y%m%d}-{keys[0]}-{keys[-1]}.jsonl.gz"
    draft.replace(path)
    _sync(directory)
    return keys, Archived(table, path, len(keys), _check(path, archivable, keys))


def _rows(
    database: Database, archivable: Archivable, up_to: datetime, after: int, last: int
) -> Iterator[tuple[int, str]]:
    """The rows behind the key *after*, at most up to *last*, read page by page so that no transaction takes long."""
    left = FILE_ROWS
    while left > 0 and after < last:
        until, most = after + READ_ROWS, min(READ_ROWS, left)
        query = (
            select(archivable.key, row_as_json(archivable.model))
            .where(archivable.key > after, archivable.key <= until, archivable.may_leave(up_to))
            .order_by(archivable.key)
            .limit(most)
        )
        page = database.read(lambda session, query=query: session.execute(query).all())  # type: ignore[misc]
        yield from ((row[0], row[1]) for row in page)
        left -= len(page)
        after = page[-1][0] if len(page) == most else until


def _check(path: Path, archivable: Archivable, keys: array[int]) -> str:
    """The hash of the file, which was read back and has exactly the rows of *keys*.

    Raises:
        ArchiveDamaged: the rows differ.
    """
    with gzip.open(path, "rb") as file:
        found = array("q", (json.loads(line)[archivable.key.key] for line in file))
    if found != keys:
        raise ArchiveDamaged(f"{path} does not hold what was written into it; nothing was deleted.")
    with path.open("rb") as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()


def _note(database: Database, written: Archived, up_to: datetime) -> int:
    def note(session: Session) -> int:
        row = BotArchive(
            table_name=written.table,
            up_to=up_to,
            rows=written.rows,
            file=written.path.name,
            sha256=written.sha256,
        )
        session.add(row)
        session.flush()
        return row.id

    return database.run(note)


def _delete(database: Database, archivable: Archivable, keys: array[int], archive_id: int) -> None:
    """Delete the rows in short transactions, so that nothing has to wait for them."""
    left = iter(keys)
    while some := list(islice(left, DELETE_ROWS)):
        # one array: thousands of parameters would take longer to write down than the rows to delete, in an open transaction
        chosen = archivable.key == any_(bindparam("keys", some, ARRAY(BigInteger)))

        def remove(session: Session, chosen: ColumnElement[bool] = chosen) -> None:
            session.execute(select(func.set_config("pitboss.archive", str(archive_id), True)))
            session.execute(delete(archivable.model).where(chosen))

        database.run(remove)


def _sync(directory: Path) -> None:
    """Make sure that the file's new name is on the disk, too."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
