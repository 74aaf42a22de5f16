"""Work that a process of its own does."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from launcher.aside import aside
from launcher.errors import StartError


def test_the_result_comes_back_and_what_was_loaded_for_it_does_not() -> None:
    pid, loaded = aside(lambda: (os.getpid(), _load("tabnanny")))
    assert (pid != os.getpid(), loaded) == (True, True)
    assert "tabnanny" not in sys.modules


def _load(name: str) -> bool:
    __import__(name)
    return name in sys.modules


def test_what_the_checks_find_is_said_as_if_they_had_been_made_here() -> None:
    def work() -> None:
        raise StartError("PORT is wrong: eight.")

    with pytest.raises(StartError, match=r"^PORT is wrong: eight\.$"):
        aside(work)


def test_a_process_that_is_killed_or_fails_is_no_plan(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StartError, match="without an answer"):
        aside(lambda: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(StartError, match="without an answer"):
        aside(lambda: int("nothing"))
    assert "ValueError: invalid literal" in capfd.readouterr().err
