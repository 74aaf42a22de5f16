"""``python -m bot.archive``: what ``script/archive`` does, also in a container."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path

from bot.archive.archive import ArchiveDamaged, MayNotDelete, archive
from bot.errors import PitbossError, SettingsError
from bot.settings.settings import Settings
from bot.storage.database import Database

#: Rows stay for at least this time: a client may send a command again with its key.
FEWEST_DAYS = 7


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(
        prog="script/archive",
        description="Moves finished commands, events of ended trades and reports that are old out of the database, into"
        " compressed JSON lines. Pitboss may run meanwhile.",
    )
    parser.add_argument(
        "--older-than", type=_days, default=400, metavar="DAYS", help="at least 7; by default 400"
    )
    parser.add_argument(
        "--to", type=Path, default=Path("archive"), metavar="FOLDER", help="by default archive/"
    )
    asked = parser.parse_args()
    try:
        settings = Settings.load()
        # the application's role deletes nothing from the log, so that whoever takes over web or a worker cannot
        database = Database.connect(settings, pool_size=1, url=settings.owner_database)
        up_to = database.now() - timedelta(days=asked.older_than)
        total = 0
        for each in archive(database, up_to, asked.to):
            total += each.rows
            print(
                f"{each.rows:>9,} rows of {each.table} -> {each.path}  sha256 {each.sha256[:16]}…", flush=True
            )
    except (SettingsError, PitbossError, ArchiveDamaged, MayNotDelete, OSError) as error:
        print(f"The archive is incomplete: {error}", file=sys.stderr)
        return 1
    print(f"{total:,} rows older than {up_to:%Y-%m-%d} were archived. VACUUM gives their room to new rows.")
    return 0


def _days(text: str) -> int:
    days = int(text)
    if days < FEWEST_DAYS:
        raise argparse.ArgumentTypeError(f"at least {FEWEST_DAYS} days have to stay")
    return days


if __name__ == "__main__":
    sys.exit(main())
