"""What a freqtrade that is measured beside Pitboss talks to: it is not installed here."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from launcher.reaper import Guard
from tools.bench.freqtrade.exchange import CANDLE_MS, answer
from tools.bench.freqtrade.program import Freqtrade

ROOT = Path(__file__).resolve().parents[3]
NOW_MS = 1_790_000_123_456


def test_candles_come_one_after_the_other_and_the_last_one_is_not_over():
    opened = [candle[0] for candle in answer("/api/v3/klines", 4, NOW_MS)]
    assert [later - earlier for earlier, later in pairwise(opened)] == [CANDLE_MS] * 3
    assert opened[-1] <= NOW_MS < opened[-1] + CANDLE_MS


@pytest.mark.parametrize("path", ["ping", "time", "exchangeInfo", "depth", "ticker/bookTicker"])
def test_the_exchange_answers_what_a_bot_that_idles_asks_for(path: str):
    assert answer(f"/api/v3/{path}", 500, NOW_MS) is not None
    assert answer(f"/api/v3/{path}/more", 500, NOW_MS) is None


def test_freqtrade_is_told_of_no_address_beyond_this_machine(tmp_path: Path):
    guard = Guard()
    try:
        Freqtrade(Path("python"), tmp_path, guard)
    finally:
        guard.dismiss()
    written = (tmp_path / "freqtrade" / "config.json").read_text()
    assert set(re.findall(r"https?://([^/:]+)", written)) == {"127.0.0.1"}
    settings = json.loads(written)
    assert settings["dry_run"] is True
    assert settings["exchange"]["enable_ws"] is False
    assert settings["api_server"]["listen_ip_address"] == "127.0.0.1"


def test_the_release_that_is_measured_is_pinned():
    assert re.search(r"freqtrade==\d{4}\.\d+\n", (ROOT / "script" / "freqtrade").read_text())
