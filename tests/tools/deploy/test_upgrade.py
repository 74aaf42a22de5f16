"""What script/upgrade leaves: an upgrade that fails leaves what was there and nothing else, and going back always works."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import ROOT
from tests.tools.deploy.engine import SERVICES, Engine


@pytest.fixture(params=["one web", "a proxy"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    return Engine(tmp_path, *((*SERVICES, "proxy") if request.param == "a proxy" else ()))


def test_all_run_the_new_image_and_a_dump_was_taken_first(engine: Engine) -> None:
    before = {service: len(images) for service, images in engine.images().items()}
    done = engine.upgrade()
    assert done.returncode == 0, done.stderr
    assert {image for images in engine.images().values() for image in images} == {"new"}
    assert {service: len(images) for service, images in engine.images().items()} == before
    assert engine.state["images"]["pitboss:before-upgrade"] == "old"
    [dump] = (engine.tree / "backups").iterdir()
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    calls = engine.state["calls"]
    assert calls.index(next(c for c in calls if "pg_dump" in c)) < calls.index(
        "compose build --quiet migrate"
    )


@pytest.mark.parametrize("breaks", ["web on trial", "web", "beat"])
def test_a_release_that_never_becomes_healthy_leaves_what_was_there_and_nothing_else(
    engine: Engine, breaks: str
) -> None:
    before = engine.images()
    engine.state |= {"broken": ["new"], "breaks": [breaks]}
    for _ in range(2 if breaks == "web" else 1):
        done = engine.upgrade("--without-dump")
        assert done.returncode != 0
        assert "the release from before runs on" in done.stderr
        assert engine.images() == before
        assert engine.state["images"]["pitboss:local"] == "old"
        assert engine.state["removed"].pop() == "new", "its image is left without a name"
    engine.state["broken"] = []
    assert engine.upgrade("--without-dump").returncode == 0
    assert {image for images in engine.images().values() for image in images} == {"new"}


@pytest.mark.parametrize("service", ["web on trial", "web", "standby"])
def test_an_interrupted_upgrade_leaves_what_was_there_and_nothing_else(tmp_path: Path, service: str) -> None:
    engine = Engine(tmp_path, *SERVICES, "proxy")
    before = engine.images()
    engine.state["interrupted"] = service
    done = engine.upgrade("--without-dump")
    assert done.returncode == 130
    assert "the release from before runs on" in done.stderr
    assert engine.images() == before
    assert engine.state["images"]["pitboss:local"] == "old"


def test_a_web_that_does_not_become_healthy_is_never_where_it_is_reached(engine: Engine) -> None:
    before = dict(engine.state["containers"])
    engine.state |= {"broken": ["new"], "breaks": ["web on trial", "web"]}
    done = engine.upgrade("--without-dump")
    assert "A web of this release is not healthy" in done.stderr
    assert "what it said" in done.stderr
    assert engine.state["containers"] == before
    assert not [call for call in engine.state["calls"] if " up " in call and " web" in call]


def test_webs_go_back_one_beside_the_other_so_that_there_is_always_one_that_answers(tmp_path: Path) -> None:
    engine = Engine(tmp_path, *SERVICES, "proxy")
    engine.state |= {"broken": ["new"], "breaks": ["standby"]}
    assert engine.upgrade("--without-dump").returncode != 0
    assert not [
        call for call in engine.state["calls"] if "--force-recreate" in call and call.endswith(" web")
    ]
    assert engine.images()["web"] == ["old"] * 3


@pytest.mark.parametrize(
    ("state", "named"),
    [
        ({"broken": ["pg"], "breaks": ["postgres"]}, "postgres"),
        ({"broken": ["new", "old"], "breaks": ["worker"]}, "worker"),
    ],
)
def test_what_cannot_be_put_back_is_named_with_the_way_out(
    engine: Engine, state: dict[str, Any], named: str
) -> None:
    engine.state |= state
    for each in [name for name in engine.state["containers"] if name.startswith("postgres")]:
        if named == "postgres":
            engine.state["containers"][each]["health"] = "unhealthy"
    done = engine.upgrade("--without-dump")
    assert done.returncode != 0
    assert f"not as before: {named}, with the entry of this release" in done.stderr
    assert "run script/upgrade --without-dump" in done.stderr


def test_a_migration_that_fails_changes_no_container(engine: Engine) -> None:
    engine.state["migration_fails"] = True
    before = dict(engine.state["containers"])
    assert engine.upgrade("--without-dump").returncode != 0
    assert engine.state["containers"] == before
    assert engine.state["images"]["pitboss:local"] == "old"


def test_going_back_works_like_an_upgrade(engine: Engine) -> None:
    assert engine.upgrade("--without-dump").returncode == 0
    engine.state["next"] = "old"
    assert engine.upgrade("--without-dump").returncode == 0
    assert {image for images in engine.images().values() for image in images} == {"old"}


def test_webs_that_an_older_script_left_broken_are_cleared_away(tmp_path: Path) -> None:
    engine = Engine(tmp_path, *SERVICES, "proxy")
    for number in range(3):
        engine.state["containers"][f"web-left{number}"] = {
            "service": "web",
            "image": "x",
            "health": "unhealthy",
        }
    assert engine.upgrade("--without-dump").returncode == 0
    assert engine.images()["web"] == ["new"] * 3


def test_a_changed_caddyfile_starts_the_proxy_again_also_one_that_was_edited_in_place(tmp_path: Path) -> None:
    engine = Engine(tmp_path, *SERVICES, "proxy")
    assert engine.upgrade("--without-dump").returncode == 0
    assert not [call for call in engine.state["calls"] if "--force-recreate" in call]
    for changed in ({"caddyfile": "of the release before"}, {"started": "2000-01-01T00:00:00.5Z"}):
        engine.state |= {"calls": [], "started": "2099-01-01T00:00:00.5Z"} | changed
        engine.state["caddyfile"] = changed.get("caddyfile", (ROOT / "deploy" / "Caddyfile").read_text())
        assert engine.upgrade("--without-dump").returncode == 0
        assert [
            call for call in engine.state["calls"] if "--force-recreate" in call and call.endswith("proxy")
        ]


def test_new_secrets_are_made_and_changed_servers_started_before_anything_needs_them(engine: Engine) -> None:
    assert not (engine.tree / "secrets").exists()
    assert engine.upgrade("--without-dump").returncode == 0
    assert (engine.tree / "secrets" / "api_tokens").exists()
    calls = engine.state["calls"]
    servers = calls.index("compose up --detach --no-deps --wait postgres")
    assert servers < calls.index("compose run --rm --no-deps migrate")


@pytest.mark.parametrize(
    ("change", "environment", "sentence"),
    [
        ({"postgres": "16"}, {}, "The data are of Postgres 16, and this release runs 17"),
        ({}, {"PITBOSS_TAG": "2026-12-01"}, "Write it into .env, or unset it"),
    ],
)
def test_what_cannot_work_is_said_before_anything_changes(
    engine: Engine, change: dict[str, str], environment: dict[str, str], sentence: str
) -> None:
    engine.state |= change
    before = (dict(engine.state["containers"]), dict(engine.state["images"]))
    done = engine.upgrade(**environment)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Nothing was changed." in done.stderr
    assert (engine.state["containers"], engine.state["images"]) == before


def test_what_the_small_form_leaves_out_is_not_started_by_an_upgrade(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "postgres", "redis", "web", "worker", "beat")
    assert engine.upgrade("--without-dump").returncode == 0
    assert set(engine.images()) == {"web", "worker", "beat"}
