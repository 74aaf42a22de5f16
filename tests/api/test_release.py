"""The release has one number, though two files have to say it: the image does not contain pyproject.toml."""

import tomllib
from pathlib import Path

import requests

from tests.support.stack import Stack

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_document_has_the_version_of_the_project(stack: Stack):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    document = requests.get(f"{stack.url}/openapi.json", timeout=15).json()
    assert document["info"]["version"] == project["version"]
