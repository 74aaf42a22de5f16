"""The picture of the architecture is that of the imports."""

from __future__ import annotations

import tomllib

from tools.docs import architecture


def test_the_picture_is_that_of_the_imports() -> None:
    assert architecture.drawn() == architecture.picture(architecture.imports()), (
        "run: .venv/bin/python -m tools.docs.architecture"
    )


def test_every_room_of_the_domain_is_described_and_has_a_floor() -> None:
    page = architecture.PAGE.read_text()
    contracts = tomllib.loads((architecture.ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    for room in architecture.imports():
        assert f"`{room}`" in page, f"docs/architecture.md does not say what lives in {room}"
        if room not in architecture.BESIDE:
            assert any(room in layer.replace(":", " ").split() for layer in layers), room
