"""Prints what the image is made of, as a CycloneDX document: ``script/sbom``. It is read from the lock, so nothing has to be installed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.txt"
_PACKAGE = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^ ;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill(lock: str) -> dict[str, Any]:
    """The document for the text of a lock file."""
    components: list[dict[str, Any]] = []
    for line in lock.splitlines():
        if match := _PACKAGE.match(line):
            name, version = match["name"].lower().replace("_", "-"), match["version"]
            components.append(
                {
                    "type": "library",
                    "name": name,
                    "version": version,
                    "purl": f"pkg:pypi/{name}@{version}",
                    "bom-ref": f"pkg:pypi/{name}@{version}",
                    "properties": [],
                }
            )
        elif (found := _HASH.search(line)) and components:
            # one for each wheel; CycloneDX's own hashes are those of one file
            components[-1]["properties"].append({"name": "pitboss:sha256-of-a-wheel", "value": found[1]})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "pitboss", "bom-ref": "pitboss"}},
        "components": components,
        "dependencies": [{"ref": "pitboss", "dependsOn": [each["bom-ref"] for each in components]}],
    }


if __name__ == "__main__":
    json.dump(bill(LOCK.read_text()), sys.stdout, indent=1)
    print()
