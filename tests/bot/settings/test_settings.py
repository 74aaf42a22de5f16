"""The settings: what they take, and what they say when something is wrong."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.errors import SettingsError
from bot.settings.settings import Settings
from bot.settings.tokens import Role, parse_tokens
from bot.settings.types import MarketHours
from bot.states import Mode

GOOD = {"DATABASE_URL": "postgresql://u:pw@db.example:5433/pitboss", "REDIS_URL": "redis://127.0.0.1:6379/0"}
TOKEN = "a-token-of-16-or-more"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {**GOOD, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u:topsecret@h/db"),
        ("DATABASE_URL", "topsecret"),
        ("DATABASE_URL", "postgresql://u:topsecret@h"),
        ("DATABASE_URL", "postgresql+psycopg://u:topsecret@h/db"),
        ("DATABASE_URL", "postgresql://u:topsecret@h:port/db"),
        ("REDIS_URL", "http://topsecret"),
        ("REDIS_URL", "topsecret:6379"),
        ("PORT", "topsecret"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "80.5"),
        ("FLOWER_PORT", "-1"),
        ("MARKET_HOURS", "topsecret"),
        ("MARKET_HOURS", "NYSE "),
        ("MARKET_CLOSURES", "topsecret"),
        ("MARKET_CLOSURES", "2027-13-01"),
        ("MARKET_CLOSURES", "2027-01-08,2027-01-08 13:00"),
        ("MARKET_CLOSURES", "2027-01-08 9:45"),
        ("MARKET_CLOSURES", "2027-01-08 09:30"),
        ("MARKET_CLOSURES", "2027-01-08 16:00"),
        ("MARKET_CLOSURES", "2027-01-08 13:00-05:00"),
        ("ALPACA_PAPER_URL", "topsecret"),
        ("ALPACA_PAPER_URL", "ftp://topsecret"),
        ("ALPACA_PAPER_URL", "https://"),
        ("ALPACA_LIVE_URL", "paper-api.alpaca.markets"),
        ("ALPACA_LIVE_URL", "https://topsecret:port"),
        ("ALPACA_LIVE_URL", "https://[topsecret"),
        ("ALPACA_PAPER_API_KEY", "topsecret\n"),
        ("ALPACA_PAPER_API_KEY", "topsecret key"),
        ("ALPACA_PAPER_API_SECRET", "topsecrét"),
        ("ALPACA_LIVE_API_SECRET", "topsecret\t"),
        ("API_TOKENS", "topsecret"),
        ("API_TOKENS", "ann:operator:short"),
        ("API_TOKENS", "ann:topsecret-topsecret:operator"),
        ("API_TOKENS", "topsecret-topsecret:operator:ann"),
        ("API_TOKENS", "ann:operator:"),
        ("API_TOKENS", f"ann:operator:{TOKEN},"),
        ("API_TOKENS", f"ann:operator:{TOKEN},bob:viewer:{TOKEN}"),
        ("SECRET_KEY", "topsecret"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it_and_keeps_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    if name.endswith(("_API_KEY", "_API_SECRET")):
        pair = name.removesuffix("_KEY").removesuffix("_SECRET")
        monkeypatch.setenv(f"{pair}_KEY", "k")
        monkeypatch.setenv(f"{pair}_SECRET", "s")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    sentence = str(caught.value)
    assert sentence.startswith(name)
    assert sentence.endswith(".")
    assert sentence.count(name) == 1
    assert "topsecr" not in sentence
    assert TOKEN not in sentence
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__, "the value would be in the error underneath"


@pytest.mark.parametrize("name", GOOD)
def test_a_setting_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SettingsError, match=f"^{name} is not set: "):
        Settings.load()
    monkeypatch.setenv(name, "")
    with pytest.raises(SettingsError, match=f"^{name} is not set: "):
        Settings.load()


def test_each_of_several_wrong_settings_gets_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.setenv("PORT", "x")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert str(caught.value).count(".") >= 2
    assert "REDIS_URL is not set" in str(caught.value)
    assert "PORT is wrong" in str(caught.value)


@pytest.mark.parametrize("mode", ["PAPER", "LIVE"])
@pytest.mark.parametrize(("there", "missing"), [("KEY", "SECRET"), ("SECRET", "KEY")])
def test_half_a_pair_of_keys_is_refused(
    monkeypatch: pytest.MonkeyPatch, mode: str, there: str, missing: str
) -> None:
    monkeypatch.setenv(f"ALPACA_{mode}_API_{there}", "topsecret")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert str(caught.value) == (
        f"ALPACA_{mode}_API_{there} is set without ALPACA_{mode}_API_{missing}: set both or neither."
    )


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_usual_form_of_a_postgres_address_is_understood(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://u:p%40ss@db.example:5433/pitboss?sslmode=require")
    database = Settings.load().database
    assert database.drivername == "postgresql+psycopg2"
    assert (database.username, database.password, database.host, database.port) == (
        "u",
        "p@ss",
        "db.example",
        5433,
    )
    assert database.database == "pitboss"
    assert database.query == {"sslmode": "require"}


def test_a_socket_as_postgres_address_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql:///pitboss?host=/run/postgresql")
    assert Settings.load().database.query == {"host": "/run/postgresql"}


def test_defaults() -> None:
    settings = Settings.load()
    assert (settings.host, settings.port, settings.flower_port) == ("127.0.0.1", 8000, 5555)
    assert settings.market_hours is MarketHours.NYSE
    assert settings.alpaca_paper_url == "https://paper-api.alpaca.markets"
    assert settings.alpaca_live_url == "https://api.alpaca.markets"
    assert settings.tokens == ()
    assert settings.allowed_origins == []
    assert [settings.alpaca(mode) for mode in Mode] == [None, None]


def test_each_mode_has_its_own_address_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ALPACA_PAPER_API_KEY": "pk",
        "ALPACA_PAPER_API_SECRET": "ps",
        "ALPACA_LIVE_API_KEY": "lk",
        "ALPACA_LIVE_API_SECRET": "ls",
        "ALPACA_PAPER_URL": "http://127.0.0.1:9000/",
    }.items():
        monkeypatch.setenv(name, value)
    paper, live = (Settings.load().alpaca(mode) for mode in Mode)
    assert paper is not None
    assert live is not None
    assert (paper.url, paper.key, paper.secret.get_secret_value()) == ("http://127.0.0.1:9000", "pk", "ps")
    assert (live.url, live.key, live.secret.get_secret_value()) == ("https://api.alpaca.markets", "lk", "ls")
    assert (paper.sandbox, live.sandbox) == (True, False)


def test_what_only_looks_like_alpaca_is_not_alpaca(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPACA_LIVE_API_KEY", "lk")
    monkeypatch.setenv("ALPACA_LIVE_API_SECRET", "ls")
    for url, sandbox in {
        "https://api.alpaca.markets": False,
        "https://alpaca.markets": False,
        "https://fakealpaca.markets": True,
        "https://alpaca.markets.example": True,
    }.items():
        monkeypatch.setenv("ALPACA_LIVE_URL", url)
        live = Settings.load().alpaca(Mode.LIVE)
        assert live is not None
        assert live.sandbox is sandbox, url


@pytest.mark.parametrize("end", ["", "/", "/v2", "/v2/"])
def test_alpacas_address_may_be_given_as_its_own_pages_show_it(
    monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setenv("ALPACA_PAPER_URL", f"https://paper-api.alpaca.markets{end}")
    assert Settings.load().alpaca_paper_url == "https://paper-api.alpaca.markets"


def test_tokens_are_read_with_their_spaces_and_colons() -> None:
    tokens = parse_tokens(SecretStr(f"ann:operator:{TOKEN}:x, bob : viewer : {TOKEN}2 ,bot:bot:{TOKEN}3"))
    assert [(t.name, t.role, t.token.get_secret_value()) for t in tokens] == [
        ("ann", Role.OPERATOR, f"{TOKEN}:x"),
        ("bob", Role.VIEWER, f"{TOKEN}2"),
        ("bot", Role.BOT, f"{TOKEN}3"),
    ]


def test_secrets_are_not_shown_when_the_settings_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKENS", f"ann:operator:{TOKEN}")
    monkeypatch.setenv("ALPACA_LIVE_API_KEY", "key")
    monkeypatch.setenv("ALPACA_LIVE_API_SECRET", "topsecret")
    settings = Settings.load()
    shown = f"{settings!r} {settings.tokens!r} {settings.alpaca(Mode.LIVE)!r}"
    assert TOKEN not in shown
    assert "topsecret" not in shown


def test_origins_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "http://a.example/, https://b.example ,")
    assert Settings.load().allowed_origins == ["http://a.example", "https://b.example"]


@pytest.mark.parametrize(
    "origins",
    [
        "example",
        "*",
        "https://",
        "ftp://a.example",
        "https://a.example/path",
        "https://u:p@a.example",
        "https://a.example:x",
    ],
)
def test_an_origin_that_no_page_has_stops_the_start(monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    monkeypatch.setenv("CORS_ORIGINS", f"https://good.example,{origins}")
    with pytest.raises(SettingsError, match="CORS_ORIGINS is wrong: must be origins such as"):
        Settings.load()


@pytest.mark.parametrize("login", ["foo", ":secret", "user:", "user:secret,foo"])
def test_a_login_of_flower_that_nobody_could_use_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    monkeypatch.setenv("FLOWER_BASIC_AUTH", login)
    with pytest.raises(SettingsError, match="FLOWER_BASIC_AUTH is wrong: must be user:password"):
        Settings.load()


def test_closures_are_days_and_times(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load().closures == {}
    monkeypatch.setenv("MARKET_CLOSURES", " 2027-01-08, 2027-03-05  13:00,")
    assert Settings.load().closures == {date(2027, 1, 8): None, date(2027, 3, 5): time(13)}


def test_what_the_environment_lacks_is_taken_from_the_running_servers_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "server.env").write_text("DATABASE_URL=postgresql://file/pitboss\nPORT=9001\nUNKNOWN=1\n")
    monkeypatch.delenv("DATABASE_URL")
    settings = Settings.load()
    assert (settings.database.host, settings.port) == ("file", 9001)
    monkeypatch.setenv("PORT", "9002")
    assert Settings.load().port == 9002, "the environment comes first"
    assert Settings.load(port=9003).port == 9003, "and what the caller says before that"


def test_a_wrong_line_in_that_file_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "server.env").write_text("PORT=many\n")
    with pytest.raises(SettingsError, match=r"^PORT is wrong: "):
        Settings.load()


def test_settings_never_change() -> None:
    settings: Any = Settings.load()
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1
