"""Everything that a measurement works with. What it does not ask for is not even made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from launcher import ports
from launcher.reaper import Guard
from tools.bench.crew import Crew
from tools.bench.crowd import Crowd
from tools.bench.part import Part
from tools.bench.pitboss import Pitboss
from tools.bench.rivals import Naive, Noop, WebRival
from tools.bench.sandbox import Sandbox
from tools.bench.servers import Servers
from tools.bench.sizes import Sizes
from tools.bench.turns import take_turns

T = TypeVar("T")


class Lab:
    """Servers and parts in one directory; use it as a context. Leaving it ends all of them, and nothing else."""

    def __init__(self, directory: Path, sizes: Sizes) -> None:
        self.sizes = sizes
        self.crew = Crew()
        self.directory = directory
        self.guard = Guard()
        self.servers = Servers(directory, self.guard)
        self.sandbox = Sandbox(directory, self.guard)
        self.crowd = Crowd()

    def __enter__(self) -> Lab:
        try:
            self.servers.start()
            self.sandbox.part.start()
            self.sandbox.part.wait_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @cached_property
    def pitboss(self) -> Pitboss:
        return self._pitboss("pitboss")

    @cached_property
    def empty(self) -> Pitboss:
        """A stack with all but empty tables."""
        return self._pitboss("empty")

    @cached_property
    def grown(self) -> Pitboss:
        """A stack whose tables are filled."""
        return self._pitboss("grown")

    @cached_property
    def naive(self) -> Naive:
        return Naive(self.servers, self.directory, self.guard)

    @cached_property
    def bare(self) -> WebRival:
        return WebRival("bare", self.servers, self.directory, self.guard)

    @cached_property
    def noop(self) -> Noop:
        return Noop(self.servers, self.directory, self.guard)

    @cached_property
    def everything(self) -> Part:
        """All that script/server starts, with servers of its own."""
        home = self.directory / "everything"
        home.mkdir()
        env = {
            "DATA_DIR": str(home),
            "HOST": ports.LOOPBACK,
            "PORT": str(ports.unused()),
            "FLOWER_PORT": str(ports.unused()),
        }
        # the launcher writes it when all of them answer
        banner = home / "banner.txt"
        return Part(
            "launcher",
            ["launcher"],
            env=env,
            directory=home,
            guard=self.guard,
            before_start=lambda: banner.unlink(missing_ok=True),
            is_ready=banner.exists,
        )

    def take_turns(self, sides: Mapping[str, Callable[[], T]], *, warm_up: bool = True) -> dict[str, list[T]]:
        return take_turns(sides, self.sizes.rounds, warm_up=warm_up)

    def _pitboss(self, name: str) -> Pitboss:
        return Pitboss(name, self.servers, self.sandbox, self.directory, self.guard)

    def _stop(self) -> None:
        self.crowd.close()
        self.crew.stop()
        self.sandbox.part.stop()
        self.servers.stop()
        self.guard.dismiss()
