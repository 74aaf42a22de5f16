"""``pitboss``: steers and watches one bot, from any machine that reaches it."""

from __future__ import annotations

import os
import sys

import click
from click.shell_completion import get_completion_class

from client.command_line import access, alerting, looking, steering
from client.command_line.output import complain
from client.command_line.session import EXIT_CODES, INTERRUPTED

NAME = "pitboss"


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.option(
    "--url", envvar="PITBOSS_URL", default="http://127.0.0.1:8000", show_default=True, show_envvar=True
)
@click.option(
    "--token",
    envvar="PITBOSS_TOKEN",
    show_envvar=True,
    help="Better in the environment: others see arguments.",
)
@click.option(
    "--patience", default=15.0, show_default=True, help="Seconds to go on asking while there is no answer."
)
@click.pass_context
def cli(context: click.Context, url: str, token: str | None, patience: float) -> None:
    """Steer and watch one trading bot."""
    context.obj = (url, token, patience)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes SHELL complete these commands: eval "$(pitboss completion bash)"."""
    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(cli, {}, NAME, f"_{NAME.upper()}_COMPLETE").source())


for _command in (*steering.COMMANDS, *looking.COMMANDS, *alerting.COMMANDS, *access.COMMANDS):
    cli.add_command(_command)


def main() -> None:
    """Run it."""
    try:
        sys.exit(cli.main(prog_name=NAME, standalone_mode=False))
    except click.Abort:
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # head has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ValueError as error:
        complain(str(error))
        sys.exit(2)


if __name__ == "__main__":
    main()
