"""What is measured of a long log, with a short one. Times are never looked at."""

from __future__ import annotations

import re

import pytest

from tools.bench import long_log


@pytest.mark.long
@pytest.mark.timeout(300)
def test_all_of_it_is_measured(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_log, "ALONE_SEC", 1.0)
    # nine days, of which two are old enough
    assert long_log.main(["--commands", "80000", "--older-than", "7"]) == 0, capsys.readouterr().err
    shown = capsys.readouterr().out
    assert re.search(r"script/archive: \d+ s, \d+ MB at most: 19,\d+ rows older than", shown)
    assert "1 files, " in shown
    for when in ("alone", "during script/verify-log", "during script/archive", "alone, after it"):
        assert f"kills {when}: p50" in shown
