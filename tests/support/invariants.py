"""What must hold for the tables, whatever happened. Reads them as an outsider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.tables import Tables


def check(tables: Tables) -> None:
    """Raises AssertionError, naming every rule that is broken."""
    config = tables.sql("SELECT state, revision FROM bot_config")
    if not tables.sql("SELECT to_regclass('bot_command') AS there")[0]["there"]:
        return
    late = tables.sql(
        "SELECT * FROM bot_command WHERE status = 'queued' AND expires_at < clock_timestamp() - interval '5 seconds'"
    )
    broken = violations(tables.sql("SELECT * FROM bot_command ORDER BY seq"), config[0], late)
    assert not broken, "\n".join(broken)


def violations(
    commands: Iterable[Mapping[str, Any]], config: Mapping[str, Any], late: Iterable[Mapping[str, Any]] = ()
) -> list[str]:
    """Every rule that the log breaks: revisions run 1, 2, 3 …; each from-state is the to-state before it; the last
    to-state is the present state; nothing outlives its expiry; nothing issued before a halt takes effect after it."""
    found = [f"{command['kind']} {command['id']} is queued past its expiry" for command in late]
    commands = list(commands)
    applied = sorted((c for c in commands if c["status"] == "applied"), key=lambda c: c["revision"])
    state, halted = "stopped", 0
    for number, command in enumerate(applied, start=1):
        name = f"{command['kind']} {command['id']} (revision {command['revision']})"
        if command["revision"] != number:
            found.append(f"{name} should have revision {number}")
        if command["from_state"] != state:
            found.append(f"{name} comes from {command['from_state']}, but the state was {state}")
        if command["kind"] in ("start", "pause", "resume", "set_mode") and command["seq"] < halted:
            found.append(f"{name} was applied after a halt that was issued later")
        if command["kind"] in ("stop", "kill"):
            halted = max(halted, command["seq"])
        state = command["to_state"]
    if config["revision"] != len(applied):
        found.append(f"the revision is {config['revision']}, but {len(applied)} commands were applied")
    if config["state"] != state:
        found.append(f"the state is {config['state']}, but the log ends in {state}")
    found += [
        f"{c['kind']} {c['id']} is {c['status']}, but has a revision or a to-state"
        for c in commands
        if c["status"] != "applied" and (c["revision"] is not None or c["to_state"] is not None)
    ]
    return found


#: What a rejected command may change: the order of halts, which counts a rejected one as well; and reconciliation goes on.
NOTED = (
    *("halt_seq", "halted_at"),
    *("reconciled_at", "agreed_at", "reconcile_due_at", "reconcile_began_at", "reconcile_trigger"),
    "reconcile_failures",
)


def decided(config: dict[str, Any]) -> dict[str, Any]:
    """The bot's row without what goes on by itself: what only an applied command changes."""
    return {name: value for name, value in config.items() if name not in NOTED}
