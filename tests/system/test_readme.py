"""The README's tour, as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.support.client import TOKENS
from tests.support.fixtures import StackFactory

ROOT = Path(__file__).resolve().parents[2]
#: What differs from run to run: ids, times, cursors, and whether the exchange is open just now.
VOLATILE = {"commandId", "id", "seq", "startedAt", "finishedAt", "issuedAt", "accountId", "nextCursor"}


def tour() -> list[tuple[str, Any]]:
    """Each command of the tour with the answer that is printed below it."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    lines = "".join(blocks).splitlines()
    return [
        (command.removeprefix("$ "), json.loads(answer))
        for command, answer in zip(*[iter(lines)] * 2, strict=True)
    ]


def plain(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {key: "…" if key in VOLATILE and value else plain(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [plain(item) for item in answer if item != "market_closed"]
    return answer


def test_the_readmes_tour_gives_the_printed_answers(make_stack: StackFactory) -> None:
    stack = make_stack(MARKET_HOURS="nyse").start()
    asked = tour()
    assert len(asked) >= 10
    for command, printed in asked:
        script = 'bot() { curl -s -H "Authorization: Bearer $TOKEN" "$@"; }\n' + command
        answer = subprocess.run(
            ["sh", "-c", script],
            env={"PATH": "/usr/bin:/bin", "PITBOSS": f"{stack.url}/api/bot", "TOKEN": TOKENS["operator"]},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
        assert plain(json.loads(answer)) == plain(printed), command
