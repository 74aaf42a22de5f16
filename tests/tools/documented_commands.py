"""Who runs each command that an operator or a developer is told to type. A command on a page that is not here fails a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = ROOT / "docs" / "operations.md"
PAGES = (
    RUNBOOK,
    ROOT / "docs" / "deployment.md",
    ROOT / "docs" / "backup.md",
    ROOT / "docs" / "scaling.md",
    ROOT / "CONTRIBUTING.md",
)


@dataclass(frozen=True)
class Typed:
    """``test_as_it_stands.py`` types it beside a running script/server, *after* another command; *given* is what it asks for."""

    given: str = ""
    after: str = ""


@dataclass(frozen=True)
class Long:
    """``test_as_it_stands.py`` types it in the tree itself, in ``script/test --long``: it takes minutes."""


@dataclass(frozen=True)
class InATest:
    """The tests that run it, as file or file::name: it cannot be typed as it stands, or proves more elsewhere."""

    by: str


@dataclass(frozen=True)
class OnAnEngine:
    """Only a container engine can run it: ``script/try-compose`` does, and its transcript shows the command."""


@dataclass(frozen=True)
class Nobody:
    """No test can run it, and why."""

    why: str


Runner = Typed | Long | InATest | OnAnEngine | Nobody
SECRETS = "tests/tools/deploy/test_secrets_script.py"
ENGINE = OnAnEngine()

#: The commands, as ``doc_blocks.commands`` finds them. All shell blocks of the runbook are typed as a whole.
RUNNERS: Mapping[str, Runner] = {
    # operations.md
    "celery -A worker call bot.kill": Typed(),
    "celery -A worker control add_consumer halts": Typed(),
    "flask --app web db upgrade": Typed(),
    "script/pitboss destinations": Typed(),
    "script/pitboss test-alert": InATest("tests/api/test_alert_destinations.py"),
    "script/verify-log": Typed(),
    "docker compose logs --no-log-prefix web worker standby | grep 4ed6b2de-0b4c-4b4e-9d0c-3f0d2b8a0a55": ENGINE,
    "docker compose logs web": ENGINE,
    "docker compose logs worker standby": ENGINE,
    "docker compose ps --all": ENGINE,
    "docker compose up --detach standby worker": ENGINE,
    "docker compose up --detach web": ENGINE,
    "docker run --network pitboss_inside …": Nobody(
        "a part of a command that starts Prometheus, which we do not bring"
    ),
    # deployment.md
    "script/secrets": Typed(),
    "script/secrets set alert_urls": Typed("ntfys://a-topic"),
    "script/secrets set alpaca_paper_api_key": Typed("PK1"),
    "script/secrets set alpaca_paper_api_secret": Typed("secret"),
    "script/secrets set api_tokens": Typed("ann:operator:a-token-of-enough-characters"),
    "script/secrets set database_url": Typed(
        "postgresql://user:password@pg.example.com:5432/pitboss?sslmode=require"
    ),
    "script/secrets set queue_tls_ca <ca.pem": InATest(SECRETS),
    "script/secrets set redis_url": Typed("rediss://:password@redis.example.com:6379/0"),
    "script/secrets set …": InATest(SECRETS),
    "cut -d, -f1 secrets/api_tokens | cut -d: -f3": Typed(after="script/secrets"),
    "cat secrets/flower_login": Typed(after="script/secrets"),
    "/app/deploy/healthy worker": InATest("tests/tools/deploy/test_health_checks.py"),
    "flask db downgrade": InATest("tests/bot/models/test_migrations.py"),
    "git pull": Nobody("it asks the place that the tree was cloned from"),
    "ssh -L 5555:127.0.0.1:5555 host": Nobody("it takes a second machine"),
    "script/pin-images": InATest("tests/tools/deploy/test_pin_images.py"),
    "script/upgrade": ENGINE,
    "script/upgrade --without-dump": InATest("tests/tools/deploy/test_upgrade.py"),
    "script/try-compose": InATest("tests/tools/deploy/test_compose_run.py"),
    "docker compose up --build --detach --wait": ENGINE,
    "docker compose up --detach --wait --force-recreate": ENGINE,
    "docker compose up --detach --wait --force-recreate --remove-orphans": ENGINE,
    "docker compose up --detach --wait --remove-orphans": ENGINE,
    "docker compose up --detach --force-recreate web": ENGINE,
    "docker compose --profile sandbox rm --stop --force sandbox": ENGINE,
    "docker compose down --volumes": ENGINE,
    "docker compose -f docker-compose.yml -f docker-compose.proxy.yml up --detach --wait --scale web=3": ENGINE,
    "docker volume rm pitboss_postgres": ENGINE,
    # backup.md
    "docker compose up -d --force-recreate": ENGINE,
    "pg_basebackup --pgdata=/backup/$(date +%F) --checkpoint=fast": InATest(
        "tests/tools/deploy/test_backup.py::test_back_to_a_moment_between_two_commands"
    ),
    "script/tokens": InATest("tests/access/test_tokens_running.py"),
    # scaling.md
    "docker compose up": Nobody("short for the command of deployment.md, which script/try-compose runs"),
    "script/archive": InATest("tests/bot/archive/test_archive.py"),
    "script/archive --older-than 400 --to backups/archive": Typed(),
    'mkdir -p backups/archive && docker compose run --rm --no-deps --volume "$PWD/backups/archive:/archive" --user "$(id -u)"'
    " migrate python -m bot.archive --older-than 400 --to /archive": ENGINE,
    ".venv/bin/python -m tools.bench.long_log": InATest(
        "tests/tools/bench/test_long_log.py"
    ),  # as it stands an hour
    # CONTRIBUTING.md
    "script/server": InATest("tests/tools/launcher/test_server.py"),
    "script/test": InATest("tests/tools/test_script_test.py"),
    "script/test --quick": InATest("tests/tools/test_script_test.py"),
    "script/test --long": InATest("tests/tools/test_script_test.py"),
    "script/test -k gate": InATest("tests/tools/test_script_test.py"),
    "script/chaos": Long(),
    "script/fuzz": InATest("tests/api/test_document.py"),  # what it runs, with more examples
    "script/bench": InATest(
        "tests/tools/bench/test_smoke.py"
    ),  # ten minutes as it stands; with --quick it is the same
    "script/lock": Nobody("it asks the package index for every package, and changes the locks"),
    "script/try-pythons": Nobody("it installs each Python's packages from the index"),
    ".venv/bin/python -m tools.docs.architecture": Typed(),
    '.venv/bin/flask --app web db revision -m "…" --autogenerate': Typed(),
}

#: Blocks that have a mark, and who runs them.
MARKED: Mapping[str, Runner] = {
    "beside-server": Typed(),
    "with-compose": ENGINE,
    "new-account": InATest(
        "tests/ops/test_runbook.py::test_freed_of_its_binding_a_bot_takes_another_account_but_only_when_stopped_and_flat"
    ),
    "dump": Typed(),
    "restore": Typed(),
    "compose-dump": ENGINE,
    "compose-restore": ENGINE,
    "postgres-dump": ENGINE,
    "postgres-restore": ENGINE,
}
