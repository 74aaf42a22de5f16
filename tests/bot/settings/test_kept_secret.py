"""Secrets that are made once and kept."""

import stat
from pathlib import Path

from bot.settings import kept_secret


def test_a_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "key"
    first = kept_secret.keep(file)
    assert kept_secret.keep(file) == first == file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_an_empty_file_holds_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.touch(mode=0o644)
    assert kept_secret.keep(file, lambda: "made") == "made"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_who_is_overtaken_while_making_a_secret_takes_the_one_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "key"

    def make() -> str:
        file.write_text("of another process\n")
        return "too late"

    assert kept_secret.keep(file, make) == "of another process"
    assert list(tmp_path.iterdir()) == [file]
