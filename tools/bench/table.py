"""The report for people: tables in Markdown, aligned so that they read as they are."""

from __future__ import annotations

from collections.abc import Sequence

from tools.bench.history import Comparison, Figure
from tools.bench.row import Group, Row
from tools.bench.series import Series

_TITLES = {
    Group.TARGETS: "Targets",
    Group.GROWTH: "Growth",
    Group.REFERENCES: "For reference",
    Group.MEMORY: "Memory and idle processor time",
    Group.LANE: "Kill beside load",
}
_HEAD = ("what", "baseline", "its figure", "Pitboss", "ratio (min–max)", "target", "met")
_ALONE = ("what", *["–"] * 2, "figure", *["–"] * 3)
_NOTHING = "–"


def render(rows: Sequence[Row]) -> str:
    """One table for each group that has rows."""
    parts = []
    for group, title in _TITLES.items():
        if of_group := [row for row in rows if row.group is group]:
            head = _ALONE if group is Group.REFERENCES else _HEAD
            parts.append(f"{title}\n\n{_table(_useful([head, *map(_cells, of_group)]))}")
    return "\n\n".join(parts)


def render_comparison(compared: Sequence[Comparison]) -> str:
    """What came of each row since it was last measured."""
    head = ("what", "was", "on", "is", "verdict")
    lines = [
        (
            each.what,
            _NOTHING if each.then is None else _spread(each.then),
            _NOTHING if each.run is None else str(each.run),
            _spread(each.now),
            str(each.verdict),
        )
        for each in compared
    ]
    return f"Compared with the last run that has the row\n\n{_table([head, *lines])}"


def _spread(figure: Figure) -> str:
    if figure.unit == "×":
        return _ratio(figure)
    low, high = (_figure(value, figure.unit) for value in (figure.least, figure.most))
    return low if low == high else f"{_figure(figure.median, figure.unit)} ({low}–{high})"


def _cells(row: Row) -> tuple[str, ...]:
    ratio = row.ratio
    return (
        row.what,
        row.against or _NOTHING,
        _NOTHING if row.baseline is None else _figure(row.baseline.median, row.unit),
        _figure(row.ours.median, row.unit),
        _NOTHING if ratio is None else _ratio(ratio),
        _NOTHING if row.target is None else str(row.target),
        {None: _NOTHING, True: "yes", False: "NO"}[row.met],
    )


def _figure(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


def _ratio(ratio: Series | Figure) -> str:
    return f"{ratio.median:.2f}× ({ratio.least:.2f}–{ratio.most:.2f})"


def _useful(lines: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Without the columns in which nothing stands."""
    columns = [column for column in zip(*lines, strict=True) if set(column[1:]) != {_NOTHING}]
    return list(zip(*columns, strict=True))


def _table(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    head, *body = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([head, rule, *body])
