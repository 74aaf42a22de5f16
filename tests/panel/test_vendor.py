"""The library of the browser's side is the one that its package holds."""

import hashlib
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "web" / "static" / "vendor"


def test_the_vendored_files_are_those_of_the_pinned_package():
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    wanted = {name: checksum for checksum, name in (line.split() for line in lines)}
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.iterdir()
        if file.name != "SHA256SUMS"
    }
    assert found == wanted
