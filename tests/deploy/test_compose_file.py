"""The compose file and the image, read as text: rules that hold without an engine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from bot import secret_files
from bot.setting_values import Role
from bot.settings import Settings
from bot.states import Mode
from tests.support.stack import ROOT


class _Loader(yaml.SafeLoader):
    """Compose's own tags mean nothing here."""


_Loader.add_constructor("!reset", lambda loader, node: None)


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((ROOT / name).read_text(), _Loader)  # noqa: S506 - a SafeLoader
    return found


BASE, PROXY = read("docker-compose.yml"), read("docker-compose.proxy.yml")
SERVICES: dict[str, dict[str, Any]] = {**BASE["services"], "proxy": PROXY["services"]["proxy"]}
ONE_SHOT = {"migrate"}
PLACES = re.compile(r"/run/secrets/([\w.]+)")


def test_all_parts_are_there() -> None:
    assert set(BASE["services"]) == {
        *("web", "worker", "standby", "beat", "flower", "migrate", "sandbox", "postgres", "redis")
    }


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_confined_and_limited(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert float(limits["cpus"]) <= 1, "an engine refuses more than the host has"
    assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_a_cheap_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check.get("disable") is not True, "`up --wait` would fail"
    assert "start_interval" not in check, "older engines refuse it"
    words = " ".join(check["test"])
    assert "inspect" not in words
    assert "python" not in words


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports") or []:
        assert str(port).startswith(("127.0.0.1:", "${HTTPS_LISTEN:-127.0.0.1:")), port
    if name in ("postgres", "redis", "sandbox", "worker", "standby", "beat", "migrate"):
        assert "ports" not in SERVICES[name]


def test_databases_are_in_a_network_without_a_way_out() -> None:
    assert BASE["networks"]["inside"]["internal"] is True
    for name in ("postgres", "redis", "sandbox", "beat", "migrate"):
        assert SERVICES[name]["networks"] == ["inside"]


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_a_tag_that_is_not_latest(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert tag
    assert tag != "latest"


def test_the_image_is_built_once() -> None:
    assert [name for name, service in SERVICES.items() if "build" in service] == ["migrate"]
    for name, service in SERVICES.items():
        if service["image"].startswith("pitboss:") and name != "migrate":
            assert service["pull_policy"] == "never"


@pytest.mark.parametrize("name", SERVICES)
def test_every_secret_comes_from_a_file(name: str) -> None:
    service = SERVICES[name]
    environment = service.get("environment", {})
    for variable, value in environment.items():
        assert variable not in secret_files.NAMES, f"{variable} is a secret"
        if re.search(r"PASSWORD|SECRET|_KEY|TOKEN|AUTH(?!_)", variable):
            assert variable.endswith("_FILE"), f"{variable} looks like a secret"
            assert PLACES.fullmatch(value), value
    text = str([environment, service.get("command"), service["healthcheck"]])
    assert set(PLACES.findall(text)) <= set(service.get("secrets", [])), (
        "it names a secret that it is not given"
    )
    assert not re.search(r"://[^/\s]*@", text), "an address with a password"


def test_no_service_is_given_a_secret_it_does_not_use() -> None:
    for name, service in SERVICES.items():
        text = str([service.get("environment"), service.get("command"), service["healthcheck"]])
        assert set(service.get("secrets", [])) == set(PLACES.findall(text)), name


def test_only_who_trades_has_the_keys_of_the_account() -> None:
    holders = {
        name for name, service in SERVICES.items() if "alpaca_live_api_secret" in service.get("secrets", [])
    }
    assert holders == {"web", "worker", "standby"}
    assert [name for name, service in SERVICES.items() if "api_tokens" in service.get("secrets", [])] == [
        "web"
    ]


def test_no_variable_has_a_default_that_could_be_a_password() -> None:
    for name in ("docker-compose.yml", "docker-compose.proxy.yml"):
        for variable, default in re.findall(r"\$\{(\w+):?-([^}]+)\}", (ROOT / name).read_text()):
            assert variable in {
                "PITBOSS_TAG",
                "PORT",
                "FLOWER_PORT",
                "SECRETS_DIR",
                "PITBOSS_SITE",
                "HTTPS_LISTEN",
                "WEB_REPLICAS",
            }, f"{variable} falls back to {default}"


def test_the_queue_keeps_its_messages_and_refuses_aloud_when_it_is_full() -> None:
    command = SERVICES["redis"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert "requirepass" not in str(command)


def test_all_data_is_in_named_volumes() -> None:
    named = [
        volume.split(":")[0] for service in BASE["services"].values() for volume in service.get("volumes", [])
    ]
    assert sorted(named) == sorted(BASE["volumes"])


def test_nothing_starts_before_the_migrations_have_succeeded() -> None:
    for name in ("web", "worker", "standby", "beat", "flower", "sandbox"):
        needs = SERVICES[name]["depends_on"]
        assert needs["migrate"]["condition"] == "service_completed_successfully", name


# -- the secrets ------------------------------------------------------------------------------------------------


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Path:
    make_secrets(tmp_path)
    return tmp_path / "secrets"


def make_secrets(directory: Path, *arguments: str, given: str = "") -> str:
    done = subprocess.run(
        [str(ROOT / "script" / "secrets"), *arguments],
        env={
            "PATH": "/usr/bin:/bin",
            "SECRETS_DIR": str(directory / "secrets"),
            "SETTINGS_FILE": str(directory / "env"),
        },
        input=given,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_command_makes_every_secret(secrets_dir: Path) -> None:
    wanted = {Path(secret["file"]).name for secret in BASE["secrets"].values()}
    assert {file.name for file in secrets_dir.iterdir()} == wanted
    assert set(BASE["secrets"]) == wanted


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
    assert (tmp_path / "env").read_text() == ""
    assert (tmp_path / "secrets" / "alpaca_paper_api_key").read_text() == "PKREAL"
    assert (tmp_path / "secrets" / "alpaca_paper_api_secret").read_text() == "its-secret"
    assert "SIMULATED" not in make_secrets(tmp_path), "it would be simulated again"


def test_an_address_for_alerts_gets_a_secret_that_signs_them(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    make_secrets(tmp_path, "set", "alert_webhook_url", given="https://hooks.example.com/x\n")
    assert len((tmp_path / "secrets" / "alert_webhook_secret").read_text()) == 40


def test_git_and_the_image_never_see_the_secrets() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/secrets/", "/.env"} <= set(ignored)


# -- the image --------------------------------------------------------------------------------------------------


def dockerfile() -> list[str]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_is_slim_and_runs_as_nobody_in_particular() -> None:
    lines = dockerfile()
    assert [line for line in lines if line.startswith("FROM")] == ["FROM python:3.13-slim"]
    [user] = [line.split()[1] for line in lines if line.startswith("USER")]
    assert int(user.split(":")[0]) > 0
    assert not [line for line in lines[lines.index(f"USER {user}") :] if line.startswith("RUN")]
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    assert "# syntax" not in (ROOT / "Dockerfile").read_text(), "it would have to be pulled"
    assert not re.search(r"apt-get|apk |gcc|build-essential|curl ", " ".join(lines)), (
        "wheels need no compiler"
    )


def test_the_lock_comes_first_so_that_its_layer_is_kept() -> None:
    lines = dockerfile()
    [install] = [number for number, line in enumerate(lines) if "pip install" in line]
    copied_before = [line for line in lines[:install] if line.startswith("COPY")]
    assert copied_before == ["COPY requirements.txt ./"]
    assert "--require-hashes" in lines[install]
    assert "--only-binary :all:" in lines[install]
    assert re.findall(r"--requirement (\S+)", lines[install]) == ["requirements.txt"]


def test_only_what_the_image_needs_is_sent_to_the_build() -> None:
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert rules[0] == "*"
    allowed = {rule.removeprefix("!").split("/")[0] for rule in rules if rule.startswith("!")}
    copied = {word for line in dockerfile() if line.startswith("COPY") for word in line.split()[1:-1]}
    assert copied == allowed
    assert not allowed & {"secrets", ".env", ".data", ".git", "tests"}


def test_no_part_runs_a_module_that_the_image_does_not_have() -> None:
    copied = {word for line in dockerfile() if line.startswith("COPY") for word in line.split()[1:-1]}
    for name in ("worker", "standby", "beat", "migrate", "sandbox"):
        command = SERVICES[name]["command"]
        own = command[command.index("-A") + 1] if "-A" in command else command[2]
        assert own in copied | {"flask"}, name
