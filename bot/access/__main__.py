"""``script/tokens``: adds, lists, expires and revokes stored tokens. A change takes effect in every process within a second."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy.orm import Session

from bot.access import tokens
from bot.errors import PitbossError
from bot.models import BotToken
from bot.settings import secret_key
from bot.settings.settings import Settings
from bot.settings.tokens import check_name, parse_role
from bot.storage.database import Database

T = TypeVar("T")

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 if it was done, 1 if not, after a sentence that says why."""
    asked = _parser().parse_args(arguments)
    try:
        settings = Settings.load()
        database = Database.connect(settings, 1)
        try:
            asked.act(asked, database.run, secret_key.load(settings))
        finally:
            database.close()
    except PitbossError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="script/tokens",
        description="The tokens that Pitboss keeps, as hashes. Those of API_TOKENS are beside them.",
    )
    actions = parser.add_subparsers(required=True, metavar="add|list|expire|revoke")
    add = actions.add_parser("add", help="make a token and show it, once")
    add.add_argument("name", help="who holds it: the actor in the command log")
    add.add_argument("role", help="operator, viewer, bot, or operator[kill,pause] for these commands only")
    add.add_argument("--expires", metavar="90d", type=_span, help="after so long: 30m, 12h, 90d")
    add.add_argument(
        "--from-stdin", action="store_true", help="keep the token that is read, instead of a new one"
    )
    add.add_argument(
        "--out", type=Path, metavar="FILE", help="write it to this new file, in place of the terminal"
    )
    add.set_defaults(act=_add)
    actions.add_parser("list", help="show them all, without the tokens").set_defaults(act=_list)
    expire = actions.add_parser("expire", help="let one end in a while")
    expire.add_argument("name")
    expire.add_argument("after", metavar="24h", type=_span)
    expire.set_defaults(act=_expire)
    revoke = actions.add_parser("revoke", help="end one, and its sessions, now")
    revoke.add_argument("name")
    revoke.set_defaults(act=_revoke)
    return parser


_Run = Callable[[Callable[[Session], T]], T]


def _add(asked: argparse.Namespace, run: _Run[BotToken], key: str) -> None:
    try:
        role, commands = parse_role(asked.role)
    except ValueError as error:
        raise tokens.TokenRefused(f"{asked.role!r} has {error}.") from None
    try:
        check_name(asked.name)
    except ValueError as error:
        raise tokens.TokenRefused(f"{asked.name!r} is not a name: {error}.") from None
    if not (asked.from_stdin or asked.out or sys.stdout.isatty()):
        raise tokens.TokenRefused(
            "The token would be written to something that is not a terminal and may keep it. Name a file for it with --out."
        )
    token = sys.stdin.readline().strip() if asked.from_stdin else tokens.make()
    if asked.out:
        _write(asked.out, token)
    row = run(
        lambda session: tokens.add(
            session, asked.name, role, token, key, commands=commands, lasts=asked.expires
        )
    )
    ends = f" It ends {_time(row.expires_at)}." if row.expires_at else ""
    print(f"{row.name} is {_role(row)}.{ends}", file=sys.stderr)
    if asked.out:
        print(f"Its token is in {asked.out}.", file=sys.stderr)
    elif not asked.from_stdin:
        print("Its token, which is shown only now:", file=sys.stderr)
        print(token)


def _write(file: Path, token: str) -> None:
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(token + "\n")
    except OSError as error:
        raise tokens.TokenRefused(f"{file} cannot be written: {error.strerror}.") from None


def _list(asked: argparse.Namespace, run: _Run[Sequence[BotToken]], key: str) -> None:
    rows = run(tokens.all_of)
    shown = [("NAME", "ROLE", "STATE", "MADE", "LAST USED", "FROM")]
    shown += [
        (
            row.name,
            _role(row),
            _state(row),
            _time(row.created_at),
            _time(row.last_used_at),
            row.last_used_from or "-",
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for line in shown:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _expire(asked: argparse.Namespace, run: _Run[BotToken], key: str) -> None:
    row = run(lambda session: tokens.expire(session, asked.name, asked.after))
    print(f"{row.name} ends {_time(row.expires_at)}.")


def _revoke(asked: argparse.Namespace, run: _Run[None], key: str) -> None:
    run(lambda session: tokens.revoke(session, asked.name))
    print(f"{asked.name} is revoked, and its sessions have ended.")


def _role(row: BotToken) -> str:
    return row.role if row.commands is None else f"{row.role}[{','.join(row.commands)}]"


def _state(row: BotToken) -> str:
    if row.revoked_at is not None:
        return f"revoked {_time(row.revoked_at)}"
    if row.expires_at is None:
        return "valid"
    return f"{'valid until' if row.expires_at > datetime.now(UTC) else 'ended'} {_time(row.expires_at)}"


def _time(at: datetime | None) -> str:
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([smhd])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 30m, 12h or 90d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


if __name__ == "__main__":
    sys.exit(main())
