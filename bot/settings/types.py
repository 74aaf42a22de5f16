"""Types and checks that several settings share. An error is a sentence that says what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, SecretStr

T = TypeVar("T")

#: A shorter secret, in characters, could not be told from an ordinary word.
SHORTEST_SECRET = 6


class MarketHours(StrEnum):
    """Which hours count as open."""

    NYSE = "nyse"
    ALWAYS = "always"  # for the sandbox and tests; live mode rejects it


class LogLevel(StrEnum):
    """The lowest level of lines that are written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LogFormat(StrEnum):
    """How a log line looks."""

    AUTO = "auto"  # for a person on a terminal, JSON for everything else
    TEXT = "text"
    JSON = "json"


def logins(value: SecretStr) -> SecretStr:
    """Logins of Flower, comma separated.

    Raises:
        ValueError: an entry is not a login, so nobody could log in with it.
    """
    for each in value.get_secret_value().split(","):
        user, colon, password = each.partition(":")
        if not (user.strip() and colon and password):
            raise ValueError("must be user:password, or several of these, comma separated")
    return value


def file(value: Path) -> Path:
    """The path of a file that can be read.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        value.open("rb").close()
    except OSError as error:
        raise ValueError(f"{value} cannot be read ({error.strerror})") from None
    return value


def readable_by(parse: Callable[[T], object]) -> Callable[[T], T]:
    """A check that accepts what *parse* can read, and leaves it unchanged."""

    def check(value: T) -> T:
        parse(value)
        return value

    return check


def upper(value: Any) -> Any:
    """A text in upper case; anything else unchanged."""
    return value.upper() if isinstance(value, str) else value


def lower(value: Any) -> Any:
    """A text in lower case; anything else unchanged."""
    return value.lower() if isinstance(value, str) else value


Port = Annotated[int, Field(ge=1, le=65535)]
ReadableFile = Annotated[Path, AfterValidator(file)]
