"""Settings that a deployment adds: secrets from files, other queues, several Postgres hosts."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Any

import psycopg2.extensions
import pytest

from bot.errors import SettingsError
from bot.settings import queue, secret_files
from bot.settings.queue import Kind
from bot.settings.settings import Settings
from tests.support.stack import ROOT

GOOD = {"DATABASE_URL": "postgresql://u:pw@db.example:5433/pitboss", "REDIS_URL": "redis://127.0.0.1:6379/0"}
TOKENS = "ann:operator:a-token-of-16-or-more"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.removesuffix("_FILE") in secret_files.NAMES]:
        monkeypatch.delenv(name)
    for name, value in {**GOOD, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)


def load(monkeypatch: pytest.MonkeyPatch, **variables: str | Path) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    return Settings.load()


def complaint(monkeypatch: pytest.MonkeyPatch, **variables: str | Path) -> str:
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, **variables)
    return str(caught.value)


def file(directory: Path, text: str | bytes) -> Path:
    path = directory / "a-secret"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# -- files ------------------------------------------------------------------------------------------------------


def test_every_setting_that_is_a_secret_may_be_in_a_file() -> None:
    fields = Settings.model_fields
    secret = {name.upper() for name, field in fields.items() if "SecretStr" in str(field.annotation)}
    urls_and_keys = {
        "DATABASE_URL",
        "DATABASE_OWNER_URL",
        "DATABASE_READ_URL",
        "REDIS_URL",
        "QUEUE_URL",
        "ALPACA_PAPER_API_KEY",
        "ALPACA_LIVE_API_KEY",
    }
    assert secret | urls_and_keys == set(secret_files.NAMES)


def test_a_file_is_read_without_the_line_break_at_its_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    [token] = load(monkeypatch, API_TOKENS_FILE=file(tmp_path, TOKENS + "\n")).tokens
    assert token.token.get_secret_value() == "a-token-of-16-or-more"


def test_a_file_goes_before_what_a_running_server_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "server.env").write_text("API_TOKENS='bob:viewer:another-token-of-16'\n")
    assert load(monkeypatch, API_TOKENS_FILE=file(tmp_path, TOKENS)).tokens[0].name == "ann"


def test_an_empty_file_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load(monkeypatch, API_TOKENS_FILE=file(tmp_path, "\n")).tokens == ()
    monkeypatch.delenv("DATABASE_URL")
    assert complaint(monkeypatch, DATABASE_URL_FILE=tmp_path / "a-secret").startswith(
        "DATABASE_URL is not set: "
    )


@pytest.mark.parametrize("name", secret_files.NAMES)
def test_a_variable_and_its_file_are_not_both_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    both: dict[str, str | Path] = {name: "topsecret", f"{name}_FILE": file(tmp_path, "topsecret")}
    said = complaint(monkeypatch, **both)
    assert f"{name} and {name}_FILE are both set: unset one of them." in said
    assert "topsecret" not in said


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = complaint(monkeypatch, SECRET_KEY_FILE=tmp_path / "nothing", API_TOKENS_FILE=tmp_path)
    assert f"SECRET_KEY_FILE is wrong: {tmp_path}/nothing cannot be read (No such file or directory)." in said
    assert f"API_TOKENS_FILE is wrong: {tmp_path} cannot be read (Is a directory)." in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    closed = file(tmp_path, "topsecret")
    closed.chmod(0)
    assert "cannot be read (Permission denied)" in complaint(monkeypatch, SECRET_KEY_FILE=closed)


@pytest.mark.parametrize("content", [b"x" * 65_537, b"\xff\xfe"])
def test_a_file_that_is_no_secret_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    assert "is not a text of at most 64 KiB." in complaint(
        monkeypatch, SECRET_KEY_FILE=file(tmp_path, content)
    )


def test_a_wrong_value_from_a_file_names_the_file_variable_and_keeps_the_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = complaint(monkeypatch, API_TOKENS_FILE=file(tmp_path, "topsecret"))
    assert said.startswith("API_TOKENS_FILE is wrong: ")
    assert "topsecret" not in said


def test_a_secret_from_a_file_is_kept_out_of_the_logs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "a-token-of-16-or-more" in load(monkeypatch, API_TOKENS_FILE=file(tmp_path, TOKENS)).secrets


# -- the queue --------------------------------------------------------------------------------------------------


def test_one_redis_is_the_queue_and_keeps_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert queue.messages(settings).url == queue.results(settings).url == GOOD["REDIS_URL"]  # type: ignore[union-attr]
    assert (queue.messages(settings).kind, queue.messages(settings).tls) == (Kind.REDIS, None)


def test_with_rabbitmq_redis_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL")
    settings = load(monkeypatch, QUEUE_URL="amqp://u:topsecret@one:5673,two/vhost")
    assert (
        queue.messages(settings).url == "amqp://u:topsecret@one:5673/vhost;amqp://u:topsecret@two:5672/vhost"
    )
    assert queue.messages(settings).kind is Kind.RABBITMQ
    assert queue.results(settings) is None
    assert "topsecret" in settings.secrets


def test_with_rabbitmq_and_redis_the_results_are_kept_in_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, QUEUE_URL="amqp://u:pw@mq/")
    found = queue.results(settings)
    assert found is not None
    assert found.url == GOOD["REDIS_URL"]


def test_sentinels_are_told_in_celerys_form(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch,
        REDIS_URL="sentinel://:topsecret@one:26380,two/2?master=pitboss",
        REDIS_SENTINEL_PASSWORD="theirs-is-another",
    )
    address = queue.messages(settings)
    assert address.url == "sentinel://:topsecret@one:26380/2;sentinel://:topsecret@two:26379/2"
    assert address.options["master_name"] == "pitboss"
    assert address.options["sentinel_kwargs"]["password"] == "theirs-is-another"
    assert {"topsecret", "theirs-is-another"} <= settings.secrets


@pytest.mark.parametrize("scheme", ["rediss", "sentinels"])
def test_tls_to_redis_checks_the_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scheme: str
) -> None:
    authority = file(tmp_path, "a certificate")
    settings = load(monkeypatch, REDIS_URL=f"{scheme}://:pw@host/0", QUEUE_TLS_CA=authority)
    tls = queue.messages(settings).tls
    assert tls == {"ssl_cert_reqs": "required", "ssl_check_hostname": True, "ssl_ca_certs": str(authority)}
    if scheme == "sentinels":
        assert queue.messages(settings).options["sentinel_kwargs"]["ssl"] is True


def test_tls_to_rabbitmq_checks_the_certificate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = file(tmp_path, "a certificate")
    settings = load(monkeypatch, QUEUE_URL="amqps://u:pw@host/", QUEUE_TLS_CA=authority)
    address = queue.messages(settings)
    assert address.url == "amqp://u:pw@host:5671/"
    assert address.tls == {
        "cert_reqs": ssl.CERT_REQUIRED,
        "ca_certs": str(authority),
        "server_hostname": None,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUEUE_URL", "http://topsecret"),
        ("QUEUE_URL", "amqp://u:topsecret@"),
        ("QUEUE_URL", "amqp://u:topsecret@host:port/"),
        ("QUEUE_URL", "amqp://u:topsecret@one,,two/"),
        ("REDIS_URL", "redis://:topsecret@one,two/0"),
        ("REDIS_URL", "amqp://u:topsecret@host/"),
        ("REDIS_URL", "sentinel://:topsecret@one:x,two/0"),
        ("DATABASE_URL", "postgresql://u:topsecret@one:5432,two:x/pitboss"),
        ("DATABASE_URL", "postgresql://u:topsecret@one,,two/pitboss"),
        ("DATABASE_URL", "postgresql://u:topsecret@one,two"),
        ("QUEUE_TLS_CA", "/nonexistent/topsecret"),
    ],
)
def test_a_wrong_address_is_one_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    said = complaint(monkeypatch, **{name: value})
    assert said.startswith(f"{name} is wrong: ")
    assert said.endswith(".")
    assert said.count(name) == 1
    assert name == "QUEUE_TLS_CA" or "topsecret" not in said


def test_a_certificate_needs_its_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = complaint(monkeypatch, QUEUE_TLS_CERT=file(tmp_path, "a certificate"))
    assert said == "QUEUE_TLS_CERT and QUEUE_TLS_KEY belong together: set both or neither."


# -- several Postgres hosts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p%40ssword@one:5433,two/pitboss?connect_timeout=3",
        "postgres://u:p%40ssword@/pitboss?host=one,two&port=5433,5432&connect_timeout=3",
    ],
)
def test_of_several_hosts_the_one_that_takes_writes_is_used(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    database = load(monkeypatch, DATABASE_URL=url).database
    assert (database.username, database.password, database.database) == ("u", "p@ssword", "pitboss")
    assert database.query == {
        "host": "one,two",
        "port": "5433,5432",
        "connect_timeout": "3",
        "target_session_attrs": "read-write",
    }
    plain = database.set(drivername="postgresql").render_as_string(hide_password=False)
    parsed: dict[str, Any] = psycopg2.extensions.parse_dsn(plain)
    assert (parsed["host"], parsed["port"], parsed["password"]) == ("one,two", "5433,5432", "p@ssword")
    assert "p@ssword" in load(monkeypatch).secrets


def test_who_asks_for_another_server_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://u@one,two/pitboss?target_session_attrs=primary"
    assert load(monkeypatch, DATABASE_URL=url).database.query["target_session_attrs"] == "primary"


def test_one_host_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch).database.query == {}


def test_the_readme_names_every_setting_and_no_other() -> None:
    table = (ROOT / "README.md").read_text().split("\n## Settings\n")[1].split("\n## ")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = [name for cell in first_cells for name in re.findall(r"`([A-Z_]+)`", cell)]
    # Flower reads that one itself
    assert sorted(named) == sorted([*(name.upper() for name in Settings.model_fields), "FLOWER_READ_ONLY"])


def test_in_the_image_nobody_looks_for_what_the_launcher_left_so_any_account_may_run_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # to an account that may not enter DATA_DIR, even looking is an error
    monkeypatch.delenv("DATABASE_URL")
    (tmp_path / "server.env").write_text("DATABASE_URL=postgresql://left-by-the-launcher/pitboss")
    assert Settings.load_without_database().database_url is not None
    dockerfile = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    [variables] = re.findall(r"^ENV (.*)$", dockerfile, re.MULTILINE)
    for name, value in re.findall(r"(PITBOSS_\w+)=(\S+)", variables):
        monkeypatch.setenv(name, value)
    assert Settings.load_without_database().database_url is None
