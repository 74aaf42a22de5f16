"""script/secrets: one command makes every secret of a deployment, once; what is there is kept."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from bot.settings.settings import Settings
from bot.settings.tokens import Role
from bot.states import Mode
from tests.support.stack import ROOT
from tests.tools.deploy.compose_files import BASE, EXTERNAL_QUEUE, SERVICES, make_secrets


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Path:
    make_secrets(tmp_path)
    return tmp_path / "secrets"


def test_one_command_makes_every_secret(secrets_dir: Path) -> None:
    named = {**EXTERNAL_QUEUE["secrets"], **BASE["secrets"]}
    wanted = {Path(secret["file"]).name for secret in named.values()}
    assert {file.name for file in secrets_dir.iterdir()} == wanted
    assert set(named) == wanted


def test_nobody_else_enters_the_directory_and_every_container_reads_the_files(secrets_dir: Path) -> None:
    assert secrets_dir.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in secrets_dir.iterdir()} == {0o444}


def test_secrets_are_made_once_and_differ_from_host_to_host(secrets_dir: Path, tmp_path: Path) -> None:
    before = {file.name: file.read_text() for file in secrets_dir.iterdir()}
    make_secrets(tmp_path)
    assert {file.name: file.read_text() for file in secrets_dir.iterdir()} == before
    (tmp_path / "other").mkdir()
    make_secrets(tmp_path / "other")
    for name, value in before.items():
        if value:
            assert (tmp_path / "other" / "secrets" / name).read_text() != value, name


def test_nothing_secret_is_printed(tmp_path: Path) -> None:
    printed = make_secrets(tmp_path)
    for file in (tmp_path / "secrets").iterdir():
        assert not file.read_text() or file.read_text() not in printed
    assert "SIMULATED" in printed


@pytest.mark.parametrize("name", ["web", "worker", "standby", "beat", "flower", "migrate"])
def test_each_service_starts_with_what_was_made(
    name: str, secrets_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    for variable, value in SERVICES[name]["environment"].items():
        value = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: made.get(found[1], found[2]), str(value))
        monkeypatch.setenv(variable, value.replace("/run/secrets", str(secrets_dir)))
    if name in ("beat", "flower"):
        assert Settings.load_without_database().database_url is None
        return
    settings = Settings.load()
    assert settings.database.host == "postgres"
    assert settings.redis_url is not None
    if name == "web":
        assert [token.role for token in settings.tokens] == [Role.OPERATOR, Role.VIEWER, Role.BOT]
        assert settings.secret_key is not None
    if name in ("web", "worker", "standby"):
        paper = settings.alpaca(Mode.PAPER)
        assert paper is not None
        assert paper.sandbox
        assert settings.alpaca(Mode.LIVE) is None
        assert settings.alert_webhook is None


def test_keys_of_a_real_account_turn_the_simulated_one_off(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    assert "COMPOSE_PROFILES=sandbox" in (tmp_path / "env").read_text()
    make_secrets(tmp_path, "set", "alpaca_paper_api_key", given="PKREAL\n")
    make_secrets(tmp_path, "set", "alpaca_paper_api_secret", given="its-secret")
    assert (tmp_path / "env").read_text() == f"SECRETS_DIR={tmp_path / 'secrets'}\n"
    assert (tmp_path / "secrets" / "alpaca_paper_api_key").read_text() == "PKREAL"
    assert (tmp_path / "secrets" / "alpaca_paper_api_secret").read_text() == "its-secret"
    assert "SIMULATED" not in make_secrets(tmp_path), "it would be simulated again"


def test_an_address_for_alerts_gets_a_secret_that_signs_them(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    make_secrets(tmp_path, "set", "alert_webhook_url", given="https://hooks.example.com/x\n")
    secret = (tmp_path / "secrets" / "alert_webhook_secret").read_text()
    assert secret.startswith("whsec_"), "as Standard Webhooks writes it"
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 30


def secret(directory: Path, name: str) -> str:
    return (directory / "secrets" / name).read_text()


def test_the_address_of_a_server_elsewhere_stays_when_secrets_are_made_again(
    secrets_dir: Path, tmp_path: Path
) -> None:
    addresses = {
        "database_url": "postgresql://ann:pw@postgres.example.com:5432/pitboss",
        "redis_url": "rediss://:pw@redis.example.com:6379/0",
    }
    for name, address in addresses.items():
        assert not make_secrets(tmp_path, "set", name, given=address + "\n").count(address)
    make_secrets(tmp_path)
    assert {name: secret(tmp_path, name) for name in addresses} == addresses


def test_the_address_of_the_container_follows_its_password(secrets_dir: Path, tmp_path: Path) -> None:
    for name in ("postgres_password", "redis_password"):
        (secrets_dir / name).unlink()
    make_secrets(tmp_path)
    assert secret(tmp_path, "postgres_password") in secret(tmp_path, "database_owner_url")
    assert secret(tmp_path, "redis_password") in secret(tmp_path, "redis_url")


@pytest.mark.parametrize("name", ["database_url", "database_read_url", "redis_password", "flower_login"])
def test_a_secret_that_is_lost_is_made_anew(secrets_dir: Path, tmp_path: Path, name: str) -> None:
    before = secret(tmp_path, name)
    (secrets_dir / name).unlink()
    make_secrets(tmp_path)
    now = secret(tmp_path, name)
    assert now != before
    assert re.sub(r"\w{24,}", "…", now) == re.sub(r"\w{24,}", "…", before), "of the same form"


def test_an_address_that_is_taken_away_is_the_containers_again(secrets_dir: Path, tmp_path: Path) -> None:
    before = secret(tmp_path, "database_owner_url")
    make_secrets(tmp_path, "set", "database_url", given="postgresql://elsewhere/pitboss")
    for name in ("database_owner_url", "database_read_url"):
        assert secret(tmp_path, name) == "", "they are of the server here"
    make_secrets(tmp_path, "set", "database_url", given="\n")
    make_secrets(tmp_path)
    assert secret(tmp_path, "database_owner_url") == before
    assert "@postgres:5432/pitboss" in secret(tmp_path, "database_url")


def test_the_application_is_not_the_owner_of_its_tables_and_an_older_deployment_becomes_so(
    secrets_dir: Path, tmp_path: Path
) -> None:
    owner = secret(tmp_path, "database_owner_url")
    assert owner.startswith("postgresql://pitboss:")
    assert secret(tmp_path, "database_url").startswith("postgresql://pitboss_app:")
    assert secret(tmp_path, "database_read_url").startswith("postgresql://pitboss_read:")
    (secrets_dir / "database_url").chmod(0o600)
    (secrets_dir / "database_url").write_text(owner)
    for name in ("database_owner_url", "database_read_url"):
        (secrets_dir / name).unlink()
    make_secrets(tmp_path)
    assert secret(tmp_path, "database_owner_url") == owner
    assert secret(tmp_path, "database_url").startswith("postgresql://pitboss_app:")


def test_another_queue_takes_the_address_of_the_redis_that_is_not_started_any_more(
    secrets_dir: Path, tmp_path: Path
) -> None:
    make_secrets(tmp_path, "set", "queue_url", given="amqps://u:pw@mq.example.com/v")
    make_secrets(tmp_path)
    assert secret(tmp_path, "redis_url") == ""
    # a Redis elsewhere keeps the outcomes beside it
    make_secrets(tmp_path, "set", "redis_url", given="rediss://redis.example.com/0")
    make_secrets(tmp_path, "set", "queue_url", given="amqps://u:pw@other.example.com/v")
    assert secret(tmp_path, "redis_url") == "rediss://redis.example.com/0"


def test_a_certificate_of_many_lines_is_taken_whole(secrets_dir: Path, tmp_path: Path) -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    make_secrets(tmp_path, "set", "queue_tls_ca", given=certificate + "\n")
    assert secret(tmp_path, "queue_tls_ca") == certificate


def test_git_and_the_image_never_see_the_secrets() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/secrets/", "/.env"} <= set(ignored)
