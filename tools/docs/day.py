"""What the recording of a day reads and shows, see ``record_day.py``."""

import json
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psutil

from tools.docs.recording import Recording

COUNTS = (
    "openTrades",
    "brokerPositions",
    "matched",
    "inFlight",
    "booked",
    "corrected",
    "voided",
    "suspect",
    "missed",
)
Row = dict[str, Any]


class Day:
    """The recording with what this page needs of it."""

    def __init__(self, run: Recording) -> None:
        self.run = run
        self.began = datetime.now(UTC)
        self.seen = 0
        self.calls: dict[tuple[str, ...], datetime] = {}
        self.account = f"/accounts/{run.key}"

    def scene(self, title: str, text: str) -> None:
        at = int((datetime.now(UTC) - self.began).total_seconds())
        self.seen = max((row["id"] for row in self.items("/reconciliations?limit=1")), default=0)
        self.run.say(f"## {at // 60}:{at % 60:02} {title}\n\n{text}")

    def items(self, path: str) -> list[Row]:
        found: list[Row] = self.run.ask("GET", path).json()["items"]
        return found

    def broker(self, method: str, path: str, body: Any = None) -> Any:
        return self.run.broker(method, path, body)

    def reports(self, is_last: Callable[[Row], Any], seconds: float = 45, shown: int = 3) -> Row | None:
        """Show the reports since the scene began, up to the first of which this is so; of many, the last ones."""
        deadline, found = time.monotonic() + seconds, list[Row]()
        while time.monotonic() < deadline and not (found and is_last(found[-1])):
            time.sleep(0.3)
            for row in reversed(self.items("/reconciliations?limit=20")):
                if row["id"] > self.seen and not (found and is_last(found[-1])):
                    self.seen = row["id"]
                    found.append(row)
        self.note_calls()
        self.run.block("\n".join(self.line(row) for row in found[-shown:]) or "(no report)", "text")
        if found and is_last(found[-1]):
            return found[-1]
        self.run.say(f"**What was expected did not come within {seconds:.0f} s.**")
        return None

    def line(self, row: Row) -> str:
        at = (datetime.fromisoformat(row["finishedAt"]) - self.began).total_seconds()
        counts = ", ".join(f"{name} {row[name]}" for name in COUNTS if row[name])
        said = f"{int(at) // 60}:{at % 60:04.1f}  {row['trigger']:<8} {row['outcome']}: {row['error'] or counts or 'nothing open'}"
        differs = "".join(
            f"; {each['kind']} {each['symbol']}: here {each['here']}, there {each['there']}"
            for each in row["differences"]
        )
        return f"{said}{differs} (requests: {row['requests']})"

    def events(self, trade: Row, newest: int) -> None:
        rows = self.items(f"/trades/{trade['id']}/events?limit=50")
        rows = sorted(rows, key=lambda row: row["id"])[-newest:]
        lines = [
            json.dumps({name: row[name] for name in ("kind", "after", "actor", "reason")}) for row in rows
        ]
        self.run.say(f"The trade's last event{'s' if newest > 1 else ''}:")
        self.run.block("\n".join(lines), "json")

    def settle(self, action: str, reason: str, **about: Any) -> None:
        self.run.call("POST", "/settlements", show=brief, action=action, **about, reason=reason)

    def gate(self) -> None:
        self.run.call("GET", "/gate", show=lambda row: {name: row[name] for name in ("mayOpen", "reasons")})

    def note_calls(self) -> None:
        """Keep the sandbox's log of calls, which forgets them after a while."""
        for row in self.broker("GET", f"/requests?key={self.run.key}"):
            self.calls[row["at"], row["method"], row["path"], row["query"]] = datetime.fromisoformat(
                row["at"]
            )

    def executor(self, number: signal.Signals) -> None:
        for child in psutil.Process(self.run.server.pid).children(recursive=True):
            if "examples.demo_bot" in " ".join(child.cmdline()):
                os.kill(child.pid, number)

    def held(self) -> list[Row]:
        return [
            row
            for row in self.items("/trades?status=open&limit=50")
            if row["filled"] and not row["exitReason"]
        ]

    def pick(self, trade: Row) -> Row:
        found: Row = self.run.ask("GET", f"/trades/{trade['id']}").json()
        return found


def brief(row: Row) -> Row:
    return {name: row[name] for name in ("state", "status", "error", "code") if name in row}
