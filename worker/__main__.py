"""Runs one of Celery's programs for Pitboss: ``python -m worker worker``, ``beat`` or ``flower``, each with its own options.

It is what ``celery --quiet -A worker worker`` does, but without loading the commands of Celery's that are not asked for: its
shells bring prompt_toolkit, and the entry of Flower the whole of Flower, 14 MiB in each program.
"""

from __future__ import annotations

from importlib import import_module

import click

from bot.runtime.without import without
from worker import app

with without("pygments"):  # it colours what Celery's inspections print
    from celery.bin.base import CLIContext

#: Where each program's command is, under its own name.
PROGRAMS = {"worker": "celery.bin.worker", "beat": "celery.bin.beat", "flower": "flower.command"}


class Programs(click.Group):
    """Loads a program when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(PROGRAMS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in PROGRAMS:
            return None
        command: click.Command = getattr(import_module(PROGRAMS[cmd_name]), cmd_name)
        return command


programs = Programs(help="Celery's other commands: python -m celery -A worker")

if __name__ == "__main__":
    programs.main(
        prog_name="python -m worker", obj=CLIContext(app=app, no_color=False, workdir=None, quiet=True)
    )
