"""What earlier runs found, which a new one is held against. It is committed, and a run is added to it by hand (``--record``)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from tools.bench.errors import BenchError
from tools.bench.row import Row

HISTORY = Path(__file__).with_name("history.json")
#: What two medians may differ by, as a share, where a row has a single round and so no spread of its own.
NO_DIFFERENCE = 0.03
_PROCESSES = re.compile(r" \(\d+ process(es)?\)$")


class Verdict(StrEnum):
    """What came of a row since the last run that has it."""

    BETTER = "better"
    WORSE = "WORSE"
    SAME = "within the spread"
    NEW = "not measured before"


@dataclass(frozen=True)
class Figure:
    """A row's ratio, or its own figure where it has no ratio: the median of the rounds, the lowest and the highest."""

    median: float
    least: float
    most: float
    unit: str

    @classmethod
    def of(cls, row: Row) -> Self:
        series = row.ratio or row.ours
        return cls(series.median, series.least, series.most, "×" if row.ratio else row.unit)

    def is_like(self, other: Figure) -> bool:
        """Whether the rounds of both overlap, or their medians hardly differ."""
        if self.least <= other.most and other.least <= self.most:
            return True
        return abs(self.median - other.median) <= NO_DIFFERENCE * max(abs(self.median), abs(other.median))


@dataclass(frozen=True)
class Run:
    """One run: when it was, where, and what it found, by the rows' names."""

    at: date
    machine: Mapping[str, Any]
    figures: Mapping[str, Figure]

    def __str__(self) -> str:
        """When it was, and how busy the machine, which moves ratios, too."""
        load = self.machine.get("loadBefore")
        return f"{self.at}" if load is None else f"{self.at}, load {load:g}"

    @classmethod
    def of(cls, rows: Iterable[Row], machine: Mapping[str, Any], at: date) -> Self:
        return cls(at, machine, {name(row): Figure.of(row) for row in rows})


@dataclass(frozen=True)
class Comparison:
    """A row beside what it was when it was last measured."""

    what: str
    now: Figure
    then: Figure | None
    #: The run that this was in.
    run: Run | None
    verdict: Verdict


def name(row: Row) -> str:
    """What a row is known by from one run to the next, however many processes it was then."""
    return f"{row.measure}: {_PROCESSES.sub('', row.what)}"


def compare(rows: Iterable[Row], history: Sequence[Run]) -> list[Comparison]:
    """Each row beside the last run of *history* that has it."""
    compared = []
    for row in rows:
        now, key = Figure.of(row), name(row)
        last = next((run for run in reversed(history) if key in run.figures), None)
        then = None if last is None else last.figures[key]
        compared.append(Comparison(row.what, now, then, last, _verdict(row, now, then)))
    return compared


def _verdict(row: Row, now: Figure, then: Figure | None) -> Verdict:
    if then is None or then.unit != now.unit:
        return Verdict.NEW
    if now.is_like(then):
        return Verdict.SAME
    return Verdict.BETTER if (now.median > then.median) is row.more_is_better else Verdict.WORSE


def read(file: Path) -> list[Run]:
    """The runs that *file* has, the oldest first; none where there is no such file.

    Raises:
        BenchError: it is no history.
    """
    if not file.exists():
        return []
    try:
        return [
            Run(
                date.fromisoformat(run["at"]),
                run["machine"],
                {key: Figure(**figure) for key, figure in run["figures"].items()},
            )
            for run in json.loads(file.read_text())
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BenchError(f"{file} is no history of runs: {error}") from None


def write(file: Path, history: Iterable[Run]) -> None:
    """Write *history* down, a line for each figure, so that a difference between two commits reads as one."""
    runs = []
    for run in history:
        figures = ",\n".join(
            f"      {json.dumps(key, ensure_ascii=False)}: {json.dumps(_rounded(figure), ensure_ascii=False)}"
            for key, figure in run.figures.items()
        )
        machine = json.dumps(dict(run.machine), ensure_ascii=False)
        runs.append(
            f'  {{\n    "at": "{run.at}",\n    "machine": {machine},\n    "figures": {{\n{figures}\n    }}\n  }}'
        )
    file.write_text("[\n" + ",\n".join(runs) + "\n]\n")


def _rounded(figure: Figure) -> dict[str, Any]:
    return {each: float(f"{value:.4g}") if each != "unit" else value for each, value in vars(figure).items()}
