"""One run: start everything, let clients and faults loose on it, calm down, read, check."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import requests

from launcher.reaper import Guard
from tools.chaos import client_log, manual, tables
from tools.chaos.checker import Violation, check
from tools.chaos.client import Client
from tools.chaos.clock import now
from tools.chaos.faults import FAULTS, NothingToStrike, Scene
from tools.chaos.history import History, Span
from tools.chaos.messages import Messages
from tools.chaos.pacing import Pacing
from tools.chaos.probe import Probe
from tools.chaos.system import TOKENS, System

CLIENTS = 6
#: How often a fault is tried that finds nothing to strike.
MOST_TRIES = 3
#: After a fault the next command has to be applied within this time, in seconds.
RECOVER_SEC = 30.0
#: What is pending at the end has to reach its end within this time, in seconds.
SETTLE_SEC = 45.0
_PENDING = """
    SELECT 1 FROM bot_command WHERE status = 'queued'
    UNION ALL SELECT 1 FROM bot_flatten WHERE finished_at IS NULL LIMIT 1
"""


@dataclass(frozen=True)
class Plan:
    """What is asked for."""

    seed: int
    commands: int
    faults: int
    #: No fault begins later, in seconds; what has begun is brought to its end.
    seconds: float
    #: Only faults that have this in their name.
    only: str = ""


@dataclass(frozen=True)
class Struck:
    """One fault of the plan."""

    name: str
    #: False when it found nothing to strike, however often it was tried: then it did not happen.
    did_strike: bool
    #: Seconds from the fault until the probe's command was applied, which is for a worker to do; None if it never was.
    recovered_after: float | None
    notes: tuple[str, ...]
    span: Span

    @property
    def takes_away(self) -> bool:
        """Whether it strikes what nobody can be answered without."""
        return self.name.startswith(("web ", "Postgres "))


@dataclass(frozen=True)
class Outcome:
    plan: Plan
    seconds: float
    history: History
    #: All of the plan's for which there was time, also those that found nothing to strike.
    tried: list[Struck]
    violations: list[Violation]
    tracebacks: list[str]

    @property
    def faults(self) -> list[Struck]:
        """Those that happened."""
        return [each for each in self.tried if each.did_strike]


class Run:
    def __init__(self, plan: Plan, directory: Path, guard: Guard) -> None:
        self._plan = plan
        self._system = System(directory, guard)
        self._rng = random.Random(plan.seed)  # noqa: S311 - the run has to be repeatable
        self._pacing = Pacing()
        self._journals = directory / "journals"
        self._journals.mkdir()
        self._messages = Messages(self._system.redis.url)
        self._struck: list[Struck] = []

    def go(self) -> Outcome:
        """The whole run. Everything that it started has ended when it returns."""
        try:
            self._system.start()
            began = now()
            clients = self._start_clients()
            operator = manual.Manual(self._plan.seed, self._system.redis.url, self._journals)
            operator.start()
            for number, name in enumerate(self._deck(), start=1):
                if now() - began > self._plan.seconds:
                    break
                until = self._plan.commands * number // (self._plan.faults + 1)
                self._struck.append(self._strike(name, until))
            self._pacing.release(max(0, self._plan.commands - self._pacing.taken))
            self._pacing.close()
            for client in clients:
                client.join(120)
            operator.end()
            self._system.mend()
            manual.wait_until_read(self._system.redis.url, SETTLE_SEC)
            self._settle()
            return self._judge(now() - began)
        finally:
            self._pacing.close()
            self._system.stop()

    def _start_clients(self) -> list[Client]:
        clients = [
            Client(
                number,
                self._plan.seed,
                self._system.url,
                self._pacing,
                client_log.ClientLog(self._journals / f"client-{number}.jsonl"),
            )
            for number in range(1, CLIENTS + 1)
        ]
        for client in clients:
            client.start()
        return clients

    def _deck(self) -> list[str]:
        """Every fault about equally often, in a random order."""
        possible = [name for name in FAULTS if self._plan.only.lower() in name.lower()]
        names: list[str] = []
        while possible and len(names) < self._plan.faults:
            names += self._rng.sample(possible, len(possible))
        return names[: self._plan.faults]

    # -- one fault --------------------------------------------------------------------------------------------

    def _strike(self, name: str, until: int, tries: int = MOST_TRIES) -> Struck:
        """Let one fault happen; *until* commands are sent by the time that it is over."""
        struck = self._try_to_strike(name, until)
        return struck if struck.did_strike or tries == 1 else self._strike(name, until, tries - 1)

    def _try_to_strike(self, name: str, until: int) -> Struck:
        budget = max(6, until - self._pacing.taken)
        began = struck_at = now()
        number, url = len(self._struck) + 1, self._system.url
        probe = Probe(number, url, self._journals)
        killer = Probe(number, url, self._journals, kill=True)

        def struck() -> None:
            nonlocal struck_at
            struck_at = now()
            probe.start()

        def last(seconds: float) -> None:
            steps = max(1, round(seconds / 0.1))
            for _ in range(steps):
                self._pacing.release(max(1, budget // (3 * steps)))
                time.sleep(seconds / steps)

        scene = Scene(
            kill=killer.start,
            system=self._system,
            rng=self._rng,
            messages=self._messages,
            struck=struck,
            last=last,
            burst=lambda: self._pacing.release(max(4, budget // 6)),
        )
        did_strike = _happens(name, scene)
        self._system.mend()
        recovered_after = None
        if did_strike:
            left = until - self._pacing.taken
            recovered_after = self._wait_until_applied(probe, struck_at, left)
        span = Span(began, now())
        for each in (probe, killer):
            each.end()
        return Struck(name, did_strike, recovered_after, tuple(scene.notes), span)

    def _wait_until_applied(self, probe: Probe, since: float, commands: int) -> float | None:
        """Seconds from *since* until a command of *probe* was applied. Has *commands* sent."""
        deadline = now() + RECOVER_SEC
        while now() < deadline:
            if commands > 0:
                step = min(commands, 4)
                self._pacing.release(step)
                commands -= step
            time.sleep(0.05)
            if commands <= 0 and (seconds := self._applied_after(probe, since)) is not None:
                return seconds
        return None

    def _applied_after(self, probe: Probe, since: float) -> float | None:
        # no other command counts: a stop, pause or kill is applied by web itself when no worker lives
        with suppress(psycopg2.Error):
            [(seconds,)] = tables.query(
                self._system.postgres.url,
                "SELECT extract(epoch FROM min(finished_at)) - %s FROM bot_command"
                " WHERE status = 'applied' AND reason LIKE %s",
                [since, f"{probe.name}/%"],
            )
            return None if seconds is None else float(seconds)
        return None

    # -- the end ----------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Returns when no command is pending and no flatten at work; what still is after a while will be found by the checker."""
        deadline = now() + SETTLE_SEC
        while now() < deadline:
            with suppress(psycopg2.Error):
                if not tables.query(self._system.postgres.url, _PENDING):
                    return
            time.sleep(0.1)

    def _judge(self, seconds: float) -> Outcome:
        found = tables.read(self._system.postgres.url)
        away = [each.span for each in self._struck if each.takes_away]
        sent = {each.id: each for each in manual.read(self._journals)}
        attempts = client_log.read(self._journals)
        history = History(found.rows, found.config, attempts, found.read_at, sent, found.flattens, away)
        violations = check(history)
        violations += [
            Violation("it_recovers", f"no command was applied within {RECOVER_SEC:.0f} s after: {each.name}")
            for each in self._struck
            if each.did_strike and each.recovered_after is None
        ]
        violations += [Violation("it_works_afterwards", what) for what in self._works_afterwards()]
        violations += [
            Violation("no_log_holds_a_secret", f"{name} stands in a log")
            for name in self._system.leaked_secrets()
        ]
        return Outcome(self._plan, seconds, history, self._struck, violations, self._system.tracebacks())

    def _works_afterwards(self) -> list[str]:
        headers = {"Authorization": f"Bearer {TOKENS['alice'][1]}"}
        wrong = []
        for command in ("kill", "rearm", "start", "pause", "resume", "stop"):
            answer = requests.post(f"{self._system.url}/api/bot/{command}", headers=headers, timeout=15)
            if answer.status_code != 200:
                wrong.append(f"{command} after the run was answered {answer.status_code}: {answer.text}")
        return wrong


def _happens(name: str, scene: Scene) -> bool:
    """Whether the fault found something to strike."""
    try:
        FAULTS[name](scene)
    except NothingToStrike:
        return False
    return True
