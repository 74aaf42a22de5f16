"""The deployment on a real engine, when there is one: exactly what docs/proofs/compose-run.md shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.stack import ROOT
from tests.tools.documented_commands import ENGINE, MARKED, PAGES, RUNNERS
from tools import doc_blocks
from tools.compose_trial.__main__ import main
from tools.compose_trial.images import IMAGES, PROXY_IMAGE
from tools.compose_trial.project import PROJECT

TRANSCRIPT = ROOT / "docs" / "proofs" / "compose-run.md"


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    # as script/secrets has written it into .env
    env = {**os.environ, "SECRETS_DIR": "secrets"}
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=300, cwd=ROOT, env=env
    )


def lacking() -> str:
    """Why it cannot be tried here; empty when it can."""
    if shutil.which("docker") is None or docker("info").returncode != 0:
        return "no container engine is there"
    if docker("compose", "version").returncode != 0 or docker("buildx", "version").returncode != 0:
        return "the engine has no compose and buildx"
    missing = [image for image in IMAGES if not is_there(image)]
    return f"images that can be neither found nor pulled: {', '.join(missing)}" if missing else ""


def is_there(image: str) -> bool:
    return (
        docker("image", "inspect", image).returncode == 0 or docker("pull", "--quiet", image).returncode == 0
    )


@pytest.mark.timeout(3600)
def test_the_whole_deployment_is_tried(tmp_path: Path) -> None:
    if reason := lacking():
        pytest.skip(reason)
    transcript = tmp_path / "compose-run.md"
    left_out = [] if is_there(PROXY_IMAGE) else ["--without-proxy"]
    done = subprocess.run(
        ["script/try-compose", "--transcript", str(transcript), *left_out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # what the page shows is what the script does now
    assert headings(transcript.read_text()) == headings(TRANSCRIPT.read_text())


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("## ")]


@pytest.mark.parametrize(
    "added",
    [[], ["proxy"], ["small"], ["external-postgres"], ["proxy", "external-queue", "external-postgres"]],
)
def test_compose_itself_takes_the_files(added: list[str]) -> None:
    if shutil.which("docker") is None or docker("compose", "version").returncode != 0:
        pytest.skip("docker compose is not installed")
    files = ["docker-compose.yml", *(f"docker-compose.{name}.yml" for name in added)]
    done = docker(
        "compose", *(word for file in files for word in ("-f", file)), "--profile", "sandbox", "config"
    )
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    gone = {"external-postgres": "postgres", "external-queue": "redis"}
    assert not {gone[name] for name in added if name in gone} & services.keys()
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert all(port["host_ip"] == "127.0.0.1" for port in published)
    assert not services["web"].get("ports") or "proxy" not in services, "web is reached past the proxy"


def test_the_transcript_names_no_place_of_the_machine_it_was_made_on() -> None:
    text = TRANSCRIPT.read_text()
    places = ("/tmp/", "/home/", f"{Path.home()}/", f"{Path(__file__).parents[4]}/")  # noqa: S108 - compared
    assert not [place for place in places if place in text]
    assert "came to an end" in text


#: The id of a command, which is another one each time.
ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def test_every_command_that_only_an_engine_can_run_was_run_as_the_page_has_it() -> None:
    # a project of the trial's own, and with it its volumes
    text = TRANSCRIPT.read_text().replace(f"{PROJECT}_", "pitboss_")
    typed = {ID.sub("", line.split("    #")[0]) for line in text.splitlines() if line.startswith("$ ")}
    assert [
        each for each, by in RUNNERS.items() if by is ENGINE and f"$ {ID.sub('', each)}" not in typed
    ] == []
    blocks = [
        block.rstrip()
        for mark, by in MARKED.items()
        for page in PAGES
        if by is ENGINE and mark != "with-compose"  # these lines come before others
        if page.parent.name == "docs"
        for block in doc_blocks.blocks(page.name, mark=mark)
    ]
    assert len(blocks) >= 4
    assert [block for block in blocks if f"$ {block}" not in text] == []


def test_a_step_that_the_trial_does_not_have_is_refused_with_the_names_of_those_that_it_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "comes_down"])
    assert ended.value.code == 2
    assert "comes_up" in capsys.readouterr().err
