"""The one command, on the real tree."""

import re
import signal
import tempfile
import time
from pathlib import Path

import pytest
import requests

from tests.script.processes import wait_until_empty
from tests.script.server_run import READY, ServerRun, token

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_command_brings_up_a_bot_under_control_and_stops_without_a_trace(number: signal.Signals) -> None:
    with tempfile.TemporaryDirectory(prefix="pitboss-") as data_dir:
        run = ServerRun(Path("/"), command=[ROOT / "script" / "server"], DATA_DIR=data_dir)
        try:
            run.wait_for(READY)
            answer = requests.post(
                f"{run.address}/api/bot/start", headers={"Authorization": f"Bearer {token(run)}"}, timeout=15
            )
            assert (answer.status_code, answer.json().get("state")) == (200, "running"), run.output
            begun = time.monotonic()
            run.send_to_group(number)
            assert run.exit_code() == 0, run.output
            assert time.monotonic() - begun < 15
            assert not re.search('Traceback|"level": "error"', run.output), run.output
            assert wait_until_empty(Path(data_dir), 1) == []
        finally:
            run.end()
