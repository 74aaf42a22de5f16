"""The report for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tools.bench.row import Group, Row
from tools.bench.series import Series
from tools.bench.sizes import Sizes


def document(
    rows: Sequence[Row], *, machine: Mapping[str, Any], sizes: Sizes, quick: bool, took_sec: float
) -> dict[str, Any]:
    """All of it as plain JSON values; every round's figures are in it."""
    return {
        "machine": dict(machine),
        "quick": quick,
        "tookSec": round(took_sec, 1),
        "sizes": asdict(sizes),
        **{group: [_row(row) for row in rows if row.group is group] for group in Group},
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "measure": row.measure,
        "what": row.what,
        "unit": row.unit,
        "ours": _series(row.ours),
        "baseline": None if row.baseline is None else {"what": row.against, **_series(row.baseline)},
        "ratio": None if row.ratio is None else _series(row.ratio),
        "target": None if row.target is None else {"ratio": row.target.ratio, "atLeast": row.target.at_least},
        "met": row.met,
    }


def _series(series: Series) -> dict[str, Any]:
    return {
        "median": series.median,
        "min": series.least,
        "max": series.most,
        "rounds": list(series.values),
    }
