import json

from tools.bench.document import document
from tools.bench.row import Group, Row, at_least, at_most
from tools.bench.series import Series, quantile
from tools.bench.sizes import QUICK
from tools.bench.table import render
from tools.bench.turns import take_turns


def row(ours: list[float], baseline: list[float], **more: object) -> Row:
    return Row(Group.TARGETS, "m", "w", "ms", Series.of(ours), Series.of(baseline), "b", **more)  # type: ignore[arg-type]


def test_a_quantile_is_one_of_the_values():
    assert quantile([3, 1, 2], 0.5) == 2
    assert quantile(range(1, 101), 0.99) == 99
    assert quantile([7], 0.99) == 7


def test_each_round_is_compared_with_the_baseline_beside_it():
    ratio = row([2, 30, 8], [1, 10, 4]).ratio
    assert ratio is not None
    assert list(ratio.values) == [2, 3, 2]
    assert (ratio.median, ratio.least, ratio.most) == (2, 2, 3)


def test_a_target_is_met_by_the_median_of_the_rounds():
    rows = [
        row([1, 1, 9], [1, 1, 1], target=at_most(1.0)),
        row([1, 9, 9], [1, 1, 1], target=at_most(1.0)),
        row([13, 1, 13], [10, 10, 10], target=at_least(1.3)),
        row([12], [10], target=at_least(1.3)),
        row([1], [1]),
    ]
    assert [each.met for each in rows] == [True, False, True, False, None]


def test_sides_take_turns_and_neither_always_comes_first():
    done: list[str] = []
    given = take_turns({"a": lambda: done.append("a"), "b": lambda: done.append("b")}, 3)
    assert "".join(done) == "ab" + "ab" + "ba" + "ab"  # the first of each is the warm-up
    assert {side: len(of_side) for side, of_side in given.items()} == {"a": 3, "b": 3}


def test_the_table_shows_figure_baseline_ratio_target_and_verdict():
    rows = [row([2.5, 3], [1, 1], target=at_most(2)), row([1234.5], [1000], target=at_least(0.8))]
    lines = render(rows).splitlines()
    assert lines[0] == "Targets"
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        *("what", "baseline", "its figure", "Pitboss", "ratio (min–max)", "target", "met"),
    ]
    assert [cell.strip() for cell in lines[4].split("|")[1:-1]] == [
        *("w", "b", "1.00 ms", "2.75 ms", "2.75× (2.50–3.00)", "≤ 2×", "NO"),
    ]
    assert "1,234 ms" in lines[5]
    assert len({len(line) for line in lines[2:]}) == 1


def test_a_table_leaves_out_columns_in_which_nothing_stands():
    text = render([Row(Group.REFERENCES, "m", "w", "/s", Series.of([5.0]))])
    assert [cell.strip() for cell in text.splitlines()[2].split("|")[1:-1]] == ["what", "figure"]


def test_a_baseline_too_short_for_its_clock_has_no_ratio():
    too_short = row([2, 3], [1, 0])
    assert too_short.ratio is None
    assert " – " in render([too_short, row([1], [1])])
    shown = document([too_short], machine={"cores": 2}, sizes=QUICK, quick=True, took_sec=1.0)
    assert shown["targets"][0]["ratio"] is None


def test_the_document_has_every_rounds_figures_in_its_group():
    shown = document([row([2, 4], [1, 1])], machine={"cores": 2}, sizes=QUICK, quick=True, took_sec=1.0)
    shown = json.loads(json.dumps(shown))
    assert [shown[group] for group in ("growth", "references", "memory")] == [[], [], []]
    assert shown["targets"][0]["ours"] == {"median": 3, "min": 2, "max": 4, "rounds": [2, 4]}
    assert shown["targets"][0]["baseline"]["what"] == "b"
    assert shown["targets"][0]["target"] is None
