"""Lists: once, or going on with what is new."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import click

from client.command_line.output import Output
from client.command_line.session import Session
from client.models import Answer

T = TypeVar("T", bound=Answer)
#: How often a list that goes on is read, in seconds, and how many of its newest rows.
FOLLOW_SEC, FOLLOWED = 1.0, 200

limit_option = click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1, 100_000))
follow_option = click.option("-f", "--follow", is_flag=True, help="Go on with what is new, until Ctrl-C.")


def listed(
    session: Session,
    columns: list[str],
    cells: Callable[[T], list[Any]],
    read: Callable[[int], Iterable[T]],
    limit: int,
    mark: Callable[[T], tuple[Any, Any]] | None,
) -> None:
    """Once, or with *mark*, which tells a row's name and its version, for ever."""
    out = session.out
    if mark is not None:
        for row in _changes(read, limit, mark):
            _show(out, row, cells)
    elif out.as_json:
        for row in read(limit):
            out.json(row)
    else:
        out.rows(columns, [cells(row) for row in read(limit)])


def _changes(
    read: Callable[[int], Iterable[T]], limit: int, mark: Callable[[T], tuple[Any, Any]]
) -> Iterator[T]:
    known: dict[Any, Any] = {}
    count = limit
    while True:
        for row in reversed(list(read(count))):
            name, version = mark(row)
            if known.get(name) != version:
                known[name] = version
                yield row
        count = FOLLOWED
        if len(known) > 10 * FOLLOWED:
            known = dict(list(known.items())[-FOLLOWED * 2 :])
        time.sleep(FOLLOW_SEC)


def _show(out: Output, row: T, cells: Callable[[T], list[Any]]) -> None:
    if out.as_json:
        out.json(row)
    else:
        out.row(cells(row))
