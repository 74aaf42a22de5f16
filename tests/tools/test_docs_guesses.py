"""What the page of guesses says at its top is what its tables come to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "guesses.md").read_text()


@dataclass(frozen=True)
class Guess:
    number: int
    confidence: int
    verdict: str
    is_bold: bool
    changed: str

    @property
    def is_miss(self) -> bool:
        return self.verdict == ("wrong" if self.confidence >= 50 else "right")


GUESSES = [
    Guess(int(number), int(confidence), verdict.strip("*"), verdict.startswith("**"), changed)
    for number, confidence, verdict, changed in re.findall(
        r"^\| (\d+) \| .* \| (\d+) % \| (\**[a-z ]+\**) \| .* \| ?(.*) \|$", PAGE, re.MULTILINE
    )
]
MISSED = [each for each in GUESSES if each.is_miss]


def test_every_guess_is_numbered_and_was_tried() -> None:
    assert [each.number for each in GUESSES] == list(range(1, len(GUESSES) + 1))
    assert {each.verdict for each in GUESSES} == {"right", "wrong"}


def test_a_miss_is_in_bold_and_says_what_it_changed() -> None:
    assert [each.number for each in GUESSES if each.is_bold] == [each.number for each in MISSED]
    assert [each.number for each in MISSED if not each.changed] == []


def test_the_page_counts_them_at_its_top_and_lists_each_miss() -> None:
    right = sum(each.verdict == "right" for each in GUESSES)
    said = (
        f"Of {len(GUESSES)} guesses {right} were right and {len(GUESSES) - right} wrong. {len(MISSED)} missed"
    )
    assert said in PAGE.replace("\n", " ")
    top = PAGE[: PAGE.index("| # | guess |")]
    listed = [int(number) for number in re.findall(r"^\| (\d+) \|", top, re.MULTILINE)]
    assert listed == [each.number for each in MISSED]
