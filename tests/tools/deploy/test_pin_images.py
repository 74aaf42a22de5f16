"""``script/pin-images``, with a registry that is played: the real one is not asked by a test."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.stack import ROOT
from tests.tools.deploy import compose_files

#: Answers like ``docker buildx imagetools inspect``; of an image whose name has `gone` in it nothing is known.
DOCKER = """#!/bin/sh
case $4 in *gone*) echo "ERROR: $4: not found" >&2; exit 1 ;; esac
echo "Name:      docker.io/library/$4"
echo "Digest:    sha256:$(printf %s "$4" | sha256sum | cut -d ' ' -f 1)"
echo "Manifests:"
echo "  Digest:  sha256:0"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what names images, and the player of the registry."""
    for file in (ROOT / "Dockerfile", *ROOT.glob("docker-compose*.yml")):
        shutil.copy(file, tmp_path)
    (tmp_path / "script").mkdir()
    shutil.copy(ROOT / "script" / "pin-images", tmp_path / "script")
    docker = tmp_path / "programs" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    return tmp_path


def pin(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tree / "script" / "pin-images", *arguments],
        env={"PATH": f"{tree / 'programs'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def images(tree: Path) -> set[str]:
    """The images that are not built here."""
    found = {line.split()[1] for line in (tree / "Dockerfile").read_text().splitlines() if "FROM " in line}
    for file in tree.glob("docker-compose*.yml"):
        services = compose_files.read(str(file))["services"].values()
        found |= {each["image"] for each in services if each and "image" in each}
    return {each for each in found if not each.startswith("pitboss:")}


def test_every_image_is_pinned_once_and_a_second_run_changes_nothing(tree: Path) -> None:
    tags = images(tree)
    checked = pin(tree, "--check")
    assert checked.returncode == 1
    assert all(tag in checked.stderr for tag in tags)
    before = {file: file.read_text() for file in tree.iterdir() if file.is_file()}

    assert pin(tree).returncode == 0
    pinned = images(tree)
    assert {each.partition("@")[0] for each in pinned} == tags
    assert all("@sha256:" in each for each in pinned)
    assert pin(tree, "--check").returncode == 0
    after = {file: file.read_text() for file in tree.iterdir() if file.is_file()}
    assert after.keys() == before.keys()
    assert pin(tree).returncode == 0
    assert {file: file.read_text() for file in after} == after
    for file, text in before.items():
        changed = [line for line in after[file].splitlines() if line not in text.splitlines()]
        assert all("@sha256:" in line for line in changed), file


def test_without_an_answer_for_one_of_them_no_file_is_changed(tree: Path) -> None:
    with (tree / "Dockerfile").open("a") as file:
        file.write("FROM gone:1\n")
    before = {file: file.read_text() for file in tree.iterdir() if file.is_file()}
    done = pin(tree)
    assert done.returncode == 1
    assert "The registry did not name the digest of gone:1: no file was changed." in done.stderr
    assert {file: file.read_text() for file in tree.iterdir() if file.is_file()} == before
