"""What every command begins with, Pitboss and a place to write to, and what each error comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from client import errors
from client.command_line.output import Output, complain
from client.pitboss import Pitboss

#: Exit codes, beside 0: done, and 2, which is Click's for a wrong command line.
REFUSED, WRONG_INPUT, NOT_ALLOWED, UNAVAILABLE, NOT_KNOWN, INTERRUPTED = 1, 2, 3, 4, 5, 130
EXIT_CODES = (
    "Exit codes: 0 done; 1 rejected, the sentence says why; 2 wrong input; 3 the token may not; 4 no answer, nothing was"
    " done; 5 not known, or still pending; 130 interrupted."
)


@dataclass
class Session:
    """One run of the command line."""

    bot: Pitboss
    out: Output


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """*command* with a session, and with ``--json``; what it raises becomes a sentence and an exit code."""

    @click.option("--json", "as_json", is_flag=True, help="JSON, one document a line.")
    @click.pass_context
    @wraps(command)
    def run(context: click.Context, /, *arguments: Any, as_json: bool, **options: Any) -> None:
        url, token, patience_sec = context.obj
        if not token:
            raise click.UsageError(
                "PITBOSS_TOKEN is not set: set it to a token of this Pitboss (script/server prints one; with docker"
                " compose they are in secrets/api_tokens)."
            )
        with Pitboss(url, token, patience_sec=patience_sec) as bot:
            try:
                command(Session(bot, Output(as_json=as_json)), *arguments, **options)
            except errors.PitbossError as error:
                complain(_sentence(error))
                context.exit(exit_code(error))

    return run


def exit_code(error: errors.PitbossError) -> int:
    """What a script sees of *error*."""
    match error:
        case errors.OutcomeUnknown() | errors.StillPending():
            return NOT_KNOWN
        case errors.Unavailable():
            return UNAVAILABLE
        case errors.NotAllowed():
            return NOT_ALLOWED
        case errors.InvalidInput():
            return WRONG_INPUT
        case _:
            return REFUSED


def _sentence(error: errors.PitbossError) -> str:
    about = f" (command {error.command_id})" if error.command_id else ""
    return f"{error}{about}"
