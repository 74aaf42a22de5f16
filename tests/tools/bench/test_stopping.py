"""A run that is ended before its time."""

import signal
import tempfile
import time
from pathlib import Path

import pytest

from tests.tools.bench.leftovers import wait_until_gone
from tests.tools.launcher.server_run import ServerRun

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_process(number: signal.Signals) -> None:
    with tempfile.TemporaryDirectory(prefix="pitboss-", ignore_cleanup_errors=True) as place:
        # so many rounds that it cannot end before it is ended
        command: list[str | Path] = [
            *(ROOT / "script" / "bench", "--quick", "--only", "command", "--rounds", "1000")
        ]
        run = ServerRun(Path("/"), command=command, TMPDIR=place)
        try:
            run.wait_for("measuring one client's commands")
            time.sleep(1)  # anywhere in it
            run.send(number)
            assert run.exit_code(40) == (-number if number == signal.SIGKILL else 130), run.output
            assert "Traceback" not in run.output
            assert wait_until_gone(place, 15) == []
        finally:
            run.end()
