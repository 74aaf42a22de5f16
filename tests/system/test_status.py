"""GET /status is never older than what was committed before it was asked for, whichever process answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.support.stack import Stack


def test_who_was_told_that_a_command_is_applied_reads_no_older_status(stack: Stack):
    def kill_and_read(_: int) -> list[str]:
        api, stale = stack.api(), []
        for _ in range(25):
            applied = api.do("/kill")["revision"]
            # each request may be another process's
            shown = [stack.api().status() for _ in range(2)]
            stale += [
                f"{each} after {applied}"
                for each in shown
                if each["revision"] < applied or not each["killed"]
            ]
        return stale

    with ThreadPoolExecutor(4) as clients:
        assert [line for lines in clients.map(kill_and_read, range(4)) for line in lines] == []
