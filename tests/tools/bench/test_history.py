from datetime import date
from pathlib import Path

import pytest

from tools.bench import history
from tools.bench.errors import BenchError
from tools.bench.history import HISTORY, Run, Verdict, compare
from tools.bench.row import Group, Row, at_least, at_most
from tools.bench.series import Series
from tools.bench.table import render_comparison


def row(ours: list[float], unit: str = "ms", *, what: str = "w", **more: object) -> Row:
    baseline = more.pop("baseline", [1.0] * len(ours))
    return Row(
        Group.TARGETS,
        "m",
        what,
        unit,
        Series.of(ours),
        Series.of(baseline) if baseline else None,  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )


def run(*rows: Row, day: int = 1) -> Run:
    return Run.of(rows, {"loadBefore": 0.5}, date(2026, 1, day))


def verdict(now: Row, *earlier: Run) -> Verdict:
    [compared] = compare([now], earlier)
    return compared.verdict


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ([2.0, 2.2], [1.0, 1.2], Verdict.BETTER),
        ([2.0, 2.2], [3.0, 3.2], Verdict.WORSE),
        ([2.0, 3.0], [2.9, 9.0], Verdict.SAME),
        ([2.0, 2.0], [2.05, 2.05], Verdict.SAME),
        ([2.0, 2.0], [2.1, 2.1], Verdict.WORSE),
    ],
)
def test_a_row_is_better_or_worse_where_no_round_of_both_overlaps(
    then: list[float], now: list[float], expected: Verdict
):
    assert verdict(row(now), run(row(then))) is expected
    for more_is_better in ({"target": at_least(1)}, {"unit": "/s"}):
        turned = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}.get(expected, expected)
        assert verdict(row(now, **more_is_better), run(row(then, **more_is_better))) is turned
    assert verdict(row(now, "/s", target=at_most(1)), run(row(then))) is expected


def test_a_row_is_held_against_the_last_run_that_has_it():
    runs = [run(row([1]), day=1), run(row([9]), row([5], what="other"), day=2), run(day=3)]
    [first, other, new] = compare([row([3]), row([5], what="other"), row([1], what="new")], runs)
    assert first.run is not None
    assert (first.run.at.day, first.verdict) == (2, Verdict.BETTER)
    assert (other.verdict, new.verdict, new.then) == (Verdict.SAME, Verdict.NEW, None)


def test_a_program_is_the_same_however_many_processes_it_has():
    assert (
        verdict(row([1], what="x, pss (1 process)"), run(row([9], what="x, pss (22 processes)")))
        is Verdict.BETTER
    )


def test_what_was_a_ratio_and_is_none_is_not_compared():
    assert verdict(row([5], "MiB", baseline=None), run(row([5], "MiB"))) is Verdict.NEW
    assert verdict(row([5], "MiB", baseline=None), run(row([9], "MiB", baseline=None))) is Verdict.BETTER


def test_a_history_is_read_as_it_was_written(tmp_path: Path):
    file = tmp_path / "history.json"
    assert history.read(file) == []
    runs = [run(row([1, 2, 4], what="a „b“ → c")), run(row([7], "MiB", baseline=None), row([0.5], what="x"))]
    history.write(file, runs)
    assert history.read(file) == runs
    assert '      "m: w": {"median": 7.0' in file.read_text(), "a line for each figure"


@pytest.mark.parametrize("content", ["", "{}x", '{"a": 1}', "[1]", '[{"at": "2026-01-01"}]'])
def test_a_file_that_is_no_history_is_named(tmp_path: Path, content: str):
    file = tmp_path / "history.json"
    file.write_text(content)
    with pytest.raises(BenchError, match=r"history\.json is no history of runs"):
        history.read(file)


def test_the_comparison_shows_what_was_when_and_the_verdict():
    compared = compare([row([3, 4]), row([5], "MiB", baseline=None, what="new")], [run(row([1, 2]), day=4)])
    lines = render_comparison(compared).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    assert cells[0] == ["what", "was", "on", "is", "verdict"]
    assert cells[2] == ["w", "1.50× (1.00–2.00)", "2026-01-04, load 0.5", "3.50× (3.00–4.00)", "WORSE"]
    assert cells[3] == ["new", "–", "–", "5.00 MiB", "not measured before"]


def test_the_committed_history_can_be_read():
    assert history.read(HISTORY)
