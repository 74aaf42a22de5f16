"""Each program of ``script/server`` is started with the secrets that it uses, and with no others."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from bot.settings import secret_files
from launcher.console import Console
from launcher.programs import Parts
from launcher.reaper import Guard

SECRETS = frozenset(secret_files.NAMES)
DATABASE = {"DATABASE_URL"}
QUEUE = {"REDIS_URL", "QUEUE_URL", "REDIS_SENTINEL_PASSWORD"}
OUTSIDE = {name for name in SECRETS if name.startswith(("ALPACA_", "ALERT_"))}


@pytest.fixture(scope="module")
def given() -> Mapping[str, set[str]]:
    """The names of the secrets that each program is given."""
    env = {"PATH": "/usr/bin", "LOG_LEVEL": "INFO", **dict.fromkeys(SECRETS, "secret")}
    with tempfile.TemporaryDirectory() as directory:
        # nothing is started, so nobody has to watch it
        parts = Parts(env, Path(directory), Console(io.TextIOWrapper(io.BytesIO())), cast(Guard, None))
        made = [
            parts.migration(),
            parts.sandbox(9000),
            *parts.application(5555),
            parts.demo("http://127.0.0.1:8000", "token"),
        ]
    assert all("PATH" in (each.env or {}) for each in made)
    return {each.name: set(SECRETS & (each.env or {}).keys()) for each in made}


@pytest.mark.parametrize(
    ("program", "secrets"),
    [
        ("migrate", {"DATABASE_OWNER_URL", "DATABASE_READ_URL"} | DATABASE | QUEUE),
        ("sandbox", set()),
        ("web", {"API_TOKENS", "SECRET_KEY"} | DATABASE | QUEUE | OUTSIDE),
        ("worker", DATABASE | QUEUE | OUTSIDE),
        ("beat", QUEUE),
        ("flower", QUEUE | {"FLOWER_BASIC_AUTH"}),
        ("demo", {"ALPACA_PAPER_API_KEY", "ALPACA_PAPER_API_SECRET"}),
    ],
)
def test_a_program_is_given_the_secrets_that_it_uses(
    given: Mapping[str, set[str]], program: str, secrets: set[str]
) -> None:
    assert given[program] == secrets


def test_no_program_is_forgotten(given: Mapping[str, set[str]]) -> None:
    assert set(given) == {"migrate", "sandbox", "web", "worker", "beat", "flower", "demo"}
