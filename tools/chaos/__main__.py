"""``script/chaos``"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from launcher.reaper import Guard
from tools.chaos import report
from tools.chaos.faults import FAULTS
from tools.chaos.run import Plan, Run


def main() -> int:
    """Run, print, and return the exit status: 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="script/chaos", description=_DESCRIPTION)
    parser.add_argument("--seed", type=int, default=1, help="what happens depends on it (%(default)s)")
    parser.add_argument("--commands", type=int, default=600, metavar="N", help="about so many (%(default)s)")
    parser.add_argument(
        "--faults", type=int, default=len(FAULTS), metavar="N", help="(%(default)s: each kind once)"
    )
    parser.add_argument(
        "--seconds", type=float, default=900, metavar="S", help="no fault begins later (%(default)s)"
    )
    parser.add_argument("--only", metavar="WORD", help="only faults that have this word in their name")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep data, logs and journals there")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    asked = parser.parse_args()
    plan = Plan(asked.seed, asked.commands, asked.faults, asked.seconds, asked.only or "")

    guard = Guard()
    with tempfile.TemporaryDirectory(prefix="pitboss-chaos-", ignore_cleanup_errors=True) as made:
        directory = made if asked.keep is None else asked.keep
        Path(directory).mkdir(parents=True, exist_ok=True)
        outcome = Run(plan, Path(directory), guard).go()
    guard.dismiss()
    print(json.dumps(report.as_json(outcome), indent=2) if asked.json else report.as_text(outcome))
    return 1 if outcome.violations else 0


_DESCRIPTION = (
    "Sends commands to a Pitboss of its own while it kills and freezes its parts, then checks from outside that"
    " nothing was lost, done twice or done out of order."
)

if __name__ == "__main__":
    sys.exit(main())
