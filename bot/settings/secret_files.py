"""Settings from files, which is how container engines pass secrets: ``NAME_FILE`` is the path of the file with ``NAME``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.errors import SettingsError

#: Settings that may be in a file: all that are secrets or contain one.
NAMES = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_READ_URL",
    "REDIS_URL",
    "REDIS_SENTINEL_PASSWORD",
    "QUEUE_URL",
    "API_TOKENS",
    "SECRET_KEY",
    "FLOWER_BASIC_AUTH",
    "ALERT_WEBHOOK_URL",
    "ALERT_WEBHOOK_SECRET",
    "ALERT_URLS",
    "ALPACA_PAPER_API_KEY",
    "ALPACA_PAPER_API_SECRET",
    "ALPACA_LIVE_API_KEY",
    "ALPACA_LIVE_API_SECRET",
)
SUFFIX = "_FILE"
LARGEST_BYTES = 64 * 1024


def read(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings in the files that *environ* names. An empty file counts as not set, like an empty variable.

    Raises:
        SettingsError: one sentence for each variable that is set in both ways, or whose file cannot be read.
    """
    found, wrong = {}, []
    for name in NAMES:
        path = environ.get(name + SUFFIX)
        if not path:
            continue
        if environ.get(name):
            wrong.append(f"{name} and {name}{SUFFIX} are both set: unset one of them.")
            continue
        try:
            text = _text(Path(path))
        except OSError as error:
            wrong.append(f"{name}{SUFFIX} is wrong: {path} cannot be read ({error.strerror or error}).")
        except ValueError:
            wrong.append(f"{name}{SUFFIX} is wrong: {path} is not a text of at most 64 KiB.")
        else:
            if text:
                found[name] = text
    if wrong:
        raise SettingsError(" ".join(wrong))
    return found


def resolved(environ: Mapping[str, str]) -> dict[str, str]:
    """*environ* with each ``NAME_FILE`` replaced by ``NAME`` and its value.

    Raises:
        SettingsError: as ``read``.
    """
    there = {name + SUFFIX for name in NAMES}
    return {name: value for name, value in environ.items() if name not in there} | read(environ)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise ValueError("too large")
    return content.decode("utf-8").strip()
