"""The compose file and the image, read as text: rules that hold without an engine."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot.settings import secret_files
from tests.support.stack import ROOT
from tests.tools.deploy.compose_files import BASE, EXTERNAL_POSTGRES, EXTERNAL_QUEUE, SERVICES, read

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
    for file in ROOT.glob("docker-compose*.yml"):
        for variable, default in re.findall(r"\$\{(\w+):?-([^}]+)\}", file.read_text()):
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


# -- servers elsewhere ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("away", "file"), [("postgres", EXTERNAL_POSTGRES), ("redis", EXTERNAL_QUEUE)])
def test_nobody_waits_for_a_container_whose_task_a_server_elsewhere_has(
    away: str, file: dict[str, Any]
) -> None:
    assert file["services"][away] is None
    others = {name: service for name, service in file["services"].items() if name != away}
    waiting = {name for name, service in BASE["services"].items() if away in service.get("depends_on", {})}
    assert {name for name, service in others.items() if "depends_on" in service} == waiting
    for name in waiting:
        assert file["services"][name]["depends_on"] == {away: None}
    unused = {name for name, secret in file["secrets"].items() if secret is None}
    assert unused == set(SERVICES[away]["secrets"])
    for name, service in others.items():
        reaches = {*SERVICES[name]["networks"], *service.get("networks", [])}
        assert "outside" in reaches or name not in waiting, name


def test_a_queue_elsewhere_is_told_to_all_who_are_told_of_the_one_here() -> None:
    told = {name for name, service in SERVICES.items() if "redis_url" in service.get("secrets", [])}
    for name in told:
        service = EXTERNAL_QUEUE["services"][name]
        secrets = service["secrets"]
        for variable, value in service["environment"].items():
            if variable.endswith("_FILE"):
                assert value == f"/run/secrets/{variable.removesuffix('_FILE').lower()}"
                assert variable.removesuffix("_FILE") in secret_files.NAMES
                assert PLACES.fullmatch(value)[1] in secrets  # type: ignore[index]
            else:
                assert value == f"${{{variable}:-}}"
                assert variable.lower() in secrets


def test_every_secret_that_a_process_reads_can_be_handed_to_it() -> None:
    services = [*SERVICES.values(), *filter(None, EXTERNAL_QUEUE["services"].values())]
    handed = {variable for service in services for variable in service.get("environment", ())}
    assert {f"{name}_FILE" for name in secret_files.NAMES} <= handed


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
    assert "--no-deps" in lines[install], "a complete lock is installed without resolving"
    assert "&& pip check" in lines[install]
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


# -- the small form ---------------------------------------------------------------------------------------------


def megabytes(limit: str) -> int:
    return int(limit[:-1]) * {"m": 1, "g": 1024}[limit[-1]]


def test_the_limits_of_the_small_form_fit_into_a_gigabyte_and_leave_out_what_can_be_missing() -> None:
    small = read("docker-compose.small.yml")["services"]
    assert [name for name, service in small.items() if service is None] == ["standby", "flower"]
    assert {name for name, service in small.items() if service} == set(BASE["services"]) - {
        "standby",
        "flower",
    }
    limits = {
        name: service["deploy"]["resources"]["limits"]["memory"] for name, service in small.items() if service
    }
    lasting = sum(megabytes(limit) for name, limit in limits.items() if name not in ("migrate", "sandbox"))
    assert lasting <= 1024
    page = (ROOT / "docs" / "deployment.md").read_text()
    assert f"{lasting:,} MB" in page


def test_without_secrets_compose_says_what_to_do() -> None:
    file = BASE["secrets"]["database_url"]["file"]
    assert file.startswith("${SECRETS_DIR:?")
    assert "Run script/secrets" in file
