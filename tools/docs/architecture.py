"""Draws the picture of ``docs/architecture.md`` from the imports: ``python -m tools.docs.architecture`` writes it anew."""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
#: Rooms beside those of the domain.
BESIDE = ("web", "worker", "sandbox")
_PICTURE = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.DOTALL)


def imports(root: Path = ROOT) -> dict[str, set[str]]:
    """For each room, the rooms that it imports. A room of the domain is a folder, or a module that stands alone."""
    sys.path.insert(0, str(root))
    graph = grimp.build_graph("bot", *BESIDE, cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        room = _room(module)
        if room:
            uses = {_room(each) for each in graph.find_modules_directly_imported_by(module)}
            found.setdefault(room, set()).update(uses - {None, room})  # type: ignore[arg-type]
    return found


def _room(module: str) -> str | None:
    package, _, rest = module.partition(".")
    if package in BESIDE:
        return package
    return rest.partition(".")[0] or None


def floors(imported: dict[str, set[str]]) -> list[list[str]]:
    """The rooms of the domain by floors, the highest first: each imports only those below its own.

    Raises:
        ValueError: rooms import each other in a circle.
    """
    inside = {room: uses - set(BESIDE) for room, uses in imported.items() if room not in BESIDE}
    below: list[list[str]] = []
    placed: set[str] = set()
    while inside.keys() - placed:
        floor = sorted(room for room, uses in inside.items() if room not in placed and uses <= placed)
        if not floor:
            raise ValueError(f"a circle among {', '.join(sorted(inside.keys() - placed))}")
        below.append(floor)
        placed.update(floor)
    return below[::-1]


def arrows(imported: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Who imports whom, without the arrows that others imply."""
    reach: dict[str, set[str]] = {}

    def reachable(room: str) -> set[str]:
        if room not in reach:
            reach[room] = set()
            for used in imported.get(room, ()):
                reach[room] |= {used} | reachable(used)
        return reach[room]

    return sorted(
        (room, used)
        for room, uses in imported.items()
        for used in uses
        if not any(used in reachable(other) for other in uses - {used})
    )


def picture(imported: dict[str, set[str]]) -> str:
    """The picture in Mermaid's language."""
    lines = ["flowchart TB", "    web", "    worker", "    sandbox", "    subgraph bot"]
    domain = floors(imported)
    for number, floor in enumerate(domain):
        lines += [f"        subgraph floor{number}[ ]", "            direction LR"]
        lines += [f"            {room}" for room in floor]
        lines += ["        end"]
    lines += [f"        floor{above} ~~~ floor{below}" for above, below in pairwise(range(len(domain)))]
    lines += ["    end"]
    lines += [f"    {room} --> {used}" for room, used in arrows(imported)]
    return "\n".join(lines) + "\n"


def drawn() -> str:
    """The picture as the page shows it."""
    found = _PICTURE.search(PAGE.read_text())
    return found[0] if found else ""


def main() -> None:
    """Write the page with the picture of today."""
    PAGE.write_text(_PICTURE.sub(lambda _: picture(imports()), PAGE.read_text(), count=1))


if __name__ == "__main__":
    main()
