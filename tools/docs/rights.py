"""Writes the table of ``docs/security.md`` that says who may call what, from the routes: ``python -m tools.docs.rights``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from bot.settings.settings import Settings
from bot.settings.tokens import Role
from bot.states import CommandKind
from web.app import create_app
from web.auth import rights

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
_TABLE = re.compile(r"(?<=<!-- who may what -->\n).*?(?=\n<!-- end -->)", re.DOTALL)
#: Pages that look at the session by themselves.
PAGES = ("panel.",)
#: A role narrowed to two commands, as the table shows it.
NARROWED = frozenset({CommandKind.KILL, CommandKind.PAUSE})
HOLDERS: tuple[tuple[str, tuple[Role, frozenset[CommandKind] | None]], ...] = (
    ("`operator`", (Role.OPERATOR, None)),
    ("`operator[kill,pause]`", (Role.OPERATOR, NARROWED)),
    ("`bot`", (Role.BOT, None)),
    ("`viewer`", (Role.VIEWER, None)),
)


@dataclass(frozen=True)
class Call:
    """One method of one address, and the right that it asks for; None where it asks for none."""

    method: str
    rule: str
    right: str | None

    def is_open_to(self, role: Role, commands: frozenset[CommandKind] | None) -> bool:
        """Whether somebody of that *role* may."""
        return self.right is None or self.right in rights.of(role, commands)


def calls(app: Flask) -> Iterator[Call]:
    """Every call that *app* takes, but for the panel's own pages."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda each: each.rule):
        if rule.endpoint.startswith(PAGES):
            continue
        asked = getattr(app.view_functions[rule.endpoint], "_spec", {}).get("roles") or [None]
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            [right] = asked
            yield Call(method, rule.rule, right)


def table(app: Flask) -> str:
    """The table: one row for all calls that the same holders may make."""
    groups: dict[tuple[bool, ...], list[str]] = {}
    for call in calls(app):
        allowed = (*(call.is_open_to(*holder) for _, holder in HOLDERS), call.right is None)
        shown = re.sub(r"<[^>]*?(\w+)>", r"{\1}", call.rule)
        groups.setdefault(allowed, []).append(f"`{call.method} {shown.removeprefix('/api/bot')}`")
    head = ["call", *(name for name, _ in HOLDERS), "without a token"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for allowed, named in sorted(groups.items(), reverse=True):
        marks = ["yes" if each else "–" for each in allowed]
        lines.append(f"| {', '.join(named)} | {' | '.join(marks)} |")
    return "\n".join(lines)


def make_app(**settings: str) -> Flask:
    """An application without a database: only its routes are looked at."""
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")  # Celery's settings are read from there
    given = {
        "database_url": "postgresql://nobody@127.0.0.1:1/none",
        "redis_url": os.environ["REDIS_URL"],
        **settings,
    }
    return create_app(Settings(_env_file=None, **given))  # type: ignore[arg-type]


def written(page: str, shown: str) -> str:
    """*page* with the table *shown* in it."""
    return _TABLE.sub(lambda _: shown, page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(), table(make_app())))
