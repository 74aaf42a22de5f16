"""Records the session with ``script/pitboss`` that ``docs/command-line.md`` shows: ``.venv/bin/python -m tools.docs.record_session``."""

import os
import re
import shlex
import subprocess
import tempfile
from datetime import UTC, datetime

from tools.docs.recording import ROOT, Recording

PAGE = ROOT / "docs" / "command-line.md"
#: Somebody puts shares into the account before this is typed.
SHARES_COME = "reconcile"
TYPED = """
start --reason "the open looks calm"
reconcile
positions
gate
alerts --state open
acknowledge --all
settle ignore RIOT --reason "bought manually"
reconcile
config max_concurrent_positions=4
kill --reason drill
start
settle watch RIOT --reason "the bot's after all"
reconcile
flatten --watch --yes --reason "all of it"
rearm
log -n 4
tokens
"""


def record(run: Recording) -> str:
    """What was typed and answered."""
    lines: list[str] = []
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **run.client_env}
    for typed in TYPED.strip().splitlines():
        if typed == SHARES_COME and SHARES_COME not in " ".join(lines):
            position = {"symbol": "RIOT", "qty": "7", "avg_entry_price": "10"}
            run.broker("PUT", f"/accounts/{run.key}/positions", [position])
        done = subprocess.run(
            [ROOT / "script" / "pitboss", *shlex.split(typed)],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        lines += [f"$ pitboss {typed}", done.stdout.rstrip()]
        if done.returncode:
            lines.append(f"(exit code {done.returncode})")
    return "\n".join(lines)


def main() -> None:
    """Record it, and put it into the page."""
    with tempfile.TemporaryDirectory(prefix="pitboss-", ignore_cleanup_errors=True) as made:
        run = Recording(made, "", arguments=())
        try:
            said = record(run)
        finally:
            run.server.terminate()
            run.server.wait(40)
    day = f"{datetime.now(UTC):%-d %B %Y}"
    head = f"Recorded on {day} at `script/server`'s sandbox, into which somebody put seven shares of RIOT after the start."
    session = f"## A session\n{head}\n\n```console\n{said}\n```\n"
    PAGE.write_text(re.sub(r"## A session\n.*", lambda _: session, PAGE.read_text(), flags=re.DOTALL))
    print(f"Written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
