"""What is said when everything runs: secrets to a terminal only, else the files that hold them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from launcher.banner import banner
from launcher.environment import Plan, complete


@pytest.mark.parametrize("is_terminal", [True, False])
def test_secrets_are_printed_to_a_terminal_only(tmp_path: Path, is_terminal: bool) -> None:
    environment = complete({}, tmp_path, "postgresql://a@b/c", "redis://127.0.0.1:1/0", demo=True)
    token = environment.variables["API_TOKENS"].split(",")[0].split(":")[2]
    password = environment.variables["FLOWER_BASIC_AUTH"].split(":")[1]
    plan = Plan(environment, "127.0.0.1", 8000, 8001, token)
    shown = banner(plan, "http://127.0.0.1:8000", True, tmp_path / "banner", shows_secrets=is_terminal)
    assert (token in shown) is is_terminal
    assert (password in shown) is is_terminal
    assert environment.demo_token not in shown  # type: ignore[operator]
    if not is_terminal:
        assert str(tmp_path / "api-tokens") in shown
        assert str(tmp_path / "flower-login") in shown
        # the command that is shown finds the token by itself
        [command] = re.findall(r"try +curl -H (\".*?\") http", shown)
        said = subprocess.run(["sh", "-c", f"echo {command}"], capture_output=True, text=True, check=True)
        assert said.stdout.strip() == f"Authorization: Bearer {token}"


def test_what_the_operator_set_is_shown_to_nobody(tmp_path: Path) -> None:
    given = {"API_TOKENS": "me:operator:a-token-of-my-own-making", "FLOWER_BASIC_AUTH": "me:my-own-flower"}
    environment = complete(given, tmp_path, "postgresql://a@b/c", "redis://127.0.0.1:1/0")
    plan = Plan(environment, "127.0.0.1", 8000, 8001, "a-token-of-my-own-making")
    shown = banner(plan, "http://127.0.0.1:8000", True, tmp_path, shows_secrets=True)
    assert "a-token-of-my-own-making" not in shown
    assert "my-own-flower" not in shown
    assert "as set in API_TOKENS" in shown
