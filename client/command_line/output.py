"""How things are shown: tables and colours on a terminal, tabs in a pipe, JSON where it is asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

#: The colour of a word, on a terminal.
STYLES: Mapping[str, str] = {
    **dict.fromkeys(("running", "applied", "open", "ok", "flat", "delivered"), "green"),
    **dict.fromkeys(
        ("paused", "queued", "awaiting_approval", "working", "waiting_for_open", "warning"), "yellow"
    ),
    **dict.fromkeys(
        ("killed", "rejected", "expired", "failed", "missed", "critical", "given_up", "live"), "bold red"
    ),
    **dict.fromkeys(("stopped", "superseded", "void", "closed", "info"), "dim"),
}


class Output:
    """Where a command writes to."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = Console(highlight=False)
        self.is_terminal = self.console.is_terminal and not as_json

    def say(self, sentence: str) -> None:
        """A line for a person."""
        if not self.as_json:
            print(sentence, flush=True)

    def answer(self, answer: BaseModel, sentence: str) -> None:
        """An answer as JSON, or as the sentence that says it."""
        if self.as_json:
            self.json(answer)
        else:
            self.say(sentence)

    def json(self, answer: BaseModel) -> None:
        """One line."""
        print(json.dumps(answer.model_dump(mode="json", by_alias=True), ensure_ascii=False), flush=True)

    def rows(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """A table; names of columns that begin with ``>`` are of numbers."""
        if self.is_terminal:
            self.console.print(table(columns, rows))
            return
        print("\t".join(column.removeprefix(">") for column in columns))
        for row in rows:
            print("\t".join(shown(cell) for cell in row), flush=True)

    def pairs(self, pairs: Mapping[str, Any]) -> None:
        """One line for each name and its value."""
        if self.is_terminal:
            self.console.print(grid(pairs))
            return
        for name, value in pairs.items():
            print(f"{name}\t{shown(value)}", flush=True)

    def row(self, cells: Sequence[Any]) -> None:
        """One line of a list that goes on."""
        if self.is_terminal:
            self.console.print(Text("  ").join(_cell(cell) for cell in cells), soft_wrap=True)
        else:
            print("\t".join(shown(cell) for cell in cells), flush=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """*rows* under the names of their *columns*."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    for row in rows:
        made.add_row(*(_cell(cell) for cell in row))
    return made


def grid(pairs: Mapping[str, Any]) -> RenderableType:
    """Names and values, one below the other."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim")
    made.add_column(overflow="fold")
    for name, value in pairs.items():
        made.add_row(name, _cell(value))
    return made


def shown(value: Any) -> str:
    """*value* as text; what is not there is a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return " ".join(str(value).split())


def money(value: Decimal | None) -> str:
    """US dollars with their sign."""
    return "–" if value is None else f"{value:+,.2f}"


def amount(value: Decimal | None) -> str:
    """US dollars."""
    return "–" if value is None else f"{value:,.2f}"


def complain(sentence: str) -> None:
    """What went wrong, where it is in nobody's way."""
    print(sentence, file=sys.stderr, flush=True)


def _cell(value: Any) -> Text:
    text = shown(value)
    style = STYLES.get(text, "")
    if not style and text[:1] in "+-" and text[1:].replace(",", "").replace(".", "").isdigit():
        style = "red" if text.startswith("-") else "green"
    return Text(text, style)
