"""A token: its holder's name, its role, and, if it is limited, the commands that it may send; and its form in API_TOKENS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, SecretStr

from bot.states import CommandKind

#: A token with fewer characters, or with fewer different ones, can be guessed.
SHORTEST, FEWEST_DIFFERENT = 16, 8
#: What people type in place of a token.
_WORDS = re.compile(r"password|passwort|changeme|change-me|letmein|qwerty|12345678|abcdefgh", re.IGNORECASE)
#: The names that a holder may have.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@ -]{0,63}")
_ROLE = re.compile(r"(?P<role>[^\[\]]*)(?:\[(?P<commands>[^\[\]]*)\])?")


class Role(StrEnum):
    """What the holder of a token may do."""

    OPERATOR = "operator"  # everything
    VIEWER = "viewer"  # read
    BOT = "bot"  # read, and record trades


class ApiToken(BaseModel):
    """One token of the API. The name of its holder is the actor in the command log."""

    model_config = ConfigDict(frozen=True)

    name: str
    role: Role
    token: SecretStr
    #: The only commands that it may send; None if its role decides.
    commands: frozenset[CommandKind] | None = None


def parse_tokens(value: SecretStr) -> tuple[ApiToken, ...]:
    """``name:role:token`` entries, comma separated; a role may be limited to some commands, as in ``operator[kill,pause]``.

    Raises:
        ValueError: an entry that is malformed, a role that does not exist, a token that is weak or given twice. The sentence
            never shows the entry: any part of it may be the token.
    """
    tokens: list[ApiToken] = []
    for number, entry in enumerate(entries_of(value.get_secret_value()), start=1):
        name, role, token = ([part.strip() for part in entry.split(":", 2)] + ["", ""])[:3]
        if not (name and role and token):
            raise ValueError(f"entry {number} must be name:role:token")
        try:
            parsed, commands = parse_role(role)
        except ValueError as error:
            raise ValueError(f"entry {number} has {error}") from None
        if weakness := weakness_of(token):
            raise ValueError(f"entry {number} has a token {weakness}")
        if any(token == other.token.get_secret_value() for other in tokens):
            raise ValueError(f"entry {number} repeats the token of another entry")
        tokens.append(ApiToken(name=name, role=parsed, token=SecretStr(token), commands=commands))
    return tuple(tokens)


def parse_role(value: str) -> tuple[Role, frozenset[CommandKind] | None]:
    """A role, and the commands that it is limited to: ``viewer``, or ``operator[kill,pause]``.

    Raises:
        ValueError: there is no such role or command, or a role other than operator is limited.
    """
    match = _ROLE.fullmatch(value.strip())
    role = match["role"].strip() if match else ""
    if match is None or role not in list(Role):
        raise ValueError("no known role; use operator, viewer or bot")
    if match["commands"] is None:
        return Role(role), None
    if role != Role.OPERATOR:
        raise ValueError("commands after a role that gives none; only operator[…] can be narrowed")
    named = [each.strip() for each in match["commands"].split(",")]
    if not all(each in list(CommandKind) for each in named):
        raise ValueError(f"a command that does not exist; operator[…] takes some of {', '.join(CommandKind)}")
    return Role(role), frozenset(map(CommandKind, named))


def weakness_of(token: str) -> str | None:
    """Why *token* could be guessed, as the end of a sentence about it; None when it cannot."""
    if len(token) < SHORTEST:
        return f"of under {SHORTEST} characters; use a longer one, such as script/tokens makes"
    repeats = token in (token + token)[1:-1]
    if len(set(token)) < FEWEST_DIFFERENT or repeats or _WORDS.search(token):
        return "that can be guessed; use a random one, such as script/tokens makes"
    return None


def check_name(name: str) -> str:
    """*name*, if a holder may have it.

    Raises:
        ValueError: it may not be a holder's name.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            "a name begins with a letter or a digit and has at most 64 letters, digits, spaces and . _ @ -"
        )
    return name


def entries_of(value: str) -> Iterator[str]:
    """The entries of *value*, separated by commas; a comma between the brackets of a role does not separate."""
    entry = ""
    for piece in value.split(","):
        entry = f"{entry},{piece}" if entry else piece
        role = entry.split(":", 2)[1:2]
        if not role or "[" not in role[0] or "]" in role[0]:
            yield entry
            entry = ""
    if entry:
        yield entry
