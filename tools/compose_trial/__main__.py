"""Tries the deployment on a real engine, step by step, and writes down what it saw: `script/try-compose` ends here.

Everything is in a checkout, a project, a network, volumes and a directory of secrets of its own, all of which are removed at the end.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tools.compose_trial import (
    access,
    another_account,
    archive,
    backup,
    elsewhere,
    first_start,
    losses,
    next_postgres,
    proxy,
    runbook,
    small_form,
    upgrades,
)
from tools.compose_trial.images import headline
from tools.compose_trial.project import Deployment
from tools.compose_trial.shell import ROOT, TrialError

Step = Callable[[Deployment], None]

#: These need several webs.
NEED_PROXY: tuple[Step, ...] = (proxy.scales, proxy.frozen_web, proxy.killed_web)
_NO_PROXY = "left out: there is no image for the proxy"


def steps(restart_engine: str | None) -> list[Step]:
    """All of them, in order: each goes on from what the one before has left."""
    return [
        first_start.without_secrets,
        first_start.comes_up,
        first_start.commands,
        runbook.runbook,
        runbook.starts_again,
        first_start.confined,
        first_start.memory,
        access.roles,
        access.two_people,
        access.alerts,
        access.lost_secrets,
        losses.crashes,
        losses.loses_worker,
        losses.loses_redis,
        losses.loses_postgres,
        partial(losses.restarts_engine, command=restart_engine),
        *NEED_PROXY,
        upgrades.upgrade,
        upgrades.broken_release,
        upgrades.goes_back,
        upgrades.applies_a_pull,
        upgrades.refuses,
        backup.backup_mode,
        backup.restores_a_backup,
        backup.keeps_its_data,
        small_form.small_form,
        elsewhere.elsewhere,
        archive.archive,
        next_postgres.next_postgres,
        another_account.another_account,
    ]


def name(step: Step) -> str:
    return str(getattr(step, "func", step).__name__)


def run(step: Step, deployment: Deployment) -> None:
    """One step, under its heading."""
    heading = (getattr(step, "func", step).__doc__ or "").split("\n")[0].rstrip(".")
    print(f"== {time.strftime('%H:%M:%S')} {heading}", flush=True)
    deployment.write(f"\n## {heading}\n\n```")
    try:
        if step in NEED_PROXY and not deployment.proxy:
            deployment.write(_NO_PROXY)
        else:
            step(deployment)
    finally:
        deployment.write("```")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 when every step did what it should."""
    parser = argparse.ArgumentParser(
        prog="script/try-compose", description="Tries the deployment on a real engine."
    )
    parser.add_argument(
        "--transcript", type=Path, default=ROOT / "docs" / "proofs" / "compose-run.md", metavar="FILE"
    )
    parser.add_argument("--restart-engine", metavar="COMMAND", help="restarts the engine and waits for it")
    parser.add_argument("--without-proxy", action="store_true", help="leave out what needs several webs")
    names = [name(step) for step in steps(None)]
    for option in ("--only", "--leave-out"):
        parser.add_argument(
            option,
            action="append",
            default=[],
            choices=names,
            metavar="STEP",
            help="a step, by its name; nothing is written",
        )
    asked = parser.parse_args(arguments)
    chosen = set(asked.only or names) - set(asked.leave_out)

    lines = ["# The deployment, tried on a real engine", "", *headline(proxy=not asked.without_proxy)]
    with tempfile.TemporaryDirectory(prefix="pitboss-trial-") as directory:
        deployment = Deployment(Path(directory), lines.append, proxy=not asked.without_proxy)
        status, began = 0, time.monotonic()
        try:
            for step in steps(asked.restart_engine):
                if name(step) in chosen:
                    run(step, deployment)
            lines += [
                "",
                f"All of these passed, in one run of {(time.monotonic() - began) / 60:.0f} minutes.",
            ]
        except TrialError as error:
            print(f"{error}\n\n" + "\n".join(lines[-15:]), file=sys.stderr, flush=True)
            status = 1
        finally:
            deployment.end()
    if chosen != set(names):
        print("\n".join(lines))
    elif status == 0:
        asked.transcript.write_text("\n".join(lines) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
