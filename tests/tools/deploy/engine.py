"""A stand-in for the program ``docker``, for what script/upgrade decides: containers are rows of a table, and nothing runs.

It says whether the script leaves the right containers and the right image. Whether an engine does what it is told, only
script/try-compose on an engine can tell.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.stack import ROOT

SERVICES = ("postgres", "redis", "web", "worker", "standby", "beat", "flower")
#: What the script calls: it asks the tests, since thirty starts of a Python for each upgrade would be most of its time. The
#: answer is the exit code and what to print.
PROGRAM = """#!/bin/bash
exec 3<>"/dev/tcp/127.0.0.1/$ENGINE_PORT"
printf '%s\\0' "$PPID" "$@" >&3
printf '\\n' >&3
read -r code <&3
mapfile -u 3 lines
printf '%s' "${lines[@]}"
exit "$code"
"""


class Engine:
    """A tree with the script, and the stand-in for docker."""

    def __init__(self, directory: Path, *services: str) -> None:
        self.tree = directory / "tree"
        for folder in ("script", "deploy", "bin"):
            (self.tree / folder).mkdir(parents=True)
        for script in ("upgrade", "secrets"):
            shutil.copy(ROOT / "script" / script, self.tree / "script")
        shutil.copy(ROOT / "deploy" / "Caddyfile", self.tree / "deploy")
        program = self.tree / "bin" / "docker"
        program.write_text(PROGRAM)
        program.chmod(0o755)
        self.state: dict[str, Any] = {
            "services": services or SERVICES,
            "images": {"pitboss:local": "old", "postgres": "pg", "redis": "valkey", "proxy": "caddy"},
            "containers": {},
            "made": 0,
            "calls": [],
            "next": "new",
            "broken": [],
            "breaks": ["web", "worker", "standby", "beat", "flower"],
            "postgres": "17",
            "caddyfile": (ROOT / "deploy" / "Caddyfile").read_text(),
            "migration_fails": False,
            "started": "2099-01-01T00:00:00.5Z",
            "removed": [],
            "interrupted": "",
        }
        for service in self.state["services"]:
            for _ in range(3 if service == "web" and "proxy" in services else 1):
                self.state["made"] += 1
                self.state["containers"][f"{service}-{self.state['made']}"] = {
                    "service": service,
                    "image": self.state["images"].get(service, "old"),
                    "health": "healthy",
                }

    def upgrade(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        with _serving(self._docker) as port:
            return subprocess.run(
                [str(self.tree / "script" / "upgrade"), *arguments],
                env={
                    "PATH": f"{self.tree / 'bin'}:{os.environ['PATH']}",
                    "ENGINE_PORT": str(port),
                    "PITBOSS_UPGRADE_PATIENCE": "0",
                    **environment,
                },
                capture_output=True,
                text=True,
                timeout=60,
            )

    def images(self) -> dict[str, list[str]]:
        """The images of each service of ours."""
        found: dict[str, list[str]] = {}
        for each in self.state["containers"].values():
            if each["service"] not in ("postgres", "redis", "proxy"):
                found.setdefault(each["service"], []).append(each["image"])
        return found

    # -- the engine: what it prints, and its exit code ----------------------------------------------------------

    def _docker(self, caller: int, args: Sequence[str]) -> tuple[int, str]:
        state, images = self.state, self.state["images"]
        state["calls"].append(" ".join(args))
        match args:
            case ["tag", source, name]:
                images[name] = images.get(source, source)
            case ["inspect", "--format", form, name]:
                if (found := state["containers"].get(name)) is None:
                    return 1, ""
                return 0, _line(
                    found["health"]
                    if "Health" in form
                    else state["started"]
                    if "StartedAt" in form
                    else found["image"]
                )
            case ["image", "inspect", *_, name]:
                return 0, _line(images.get(name, ""))
            case ["image", "rm", name]:
                state["removed"].append(name)
            case ["rm", *names]:
                for name in names:
                    state["containers"].pop(name, None)
            case ["stop", *_]:
                pass
            case ["ps", *_]:
                return 0, _line(*self._of("web"))
            case ["logs", *_]:
                return 0, _line("what it said")
            case ["compose", *rest]:
                return self._compose(caller, rest)
            case _:
                return 2, ""
        return 0, ""

    def _compose(self, caller: int, args: Sequence[str]) -> tuple[int, str]:
        state = self.state
        match args:
            case ["config", "--services"]:
                return 0, _line(*state["services"])
            case ["config"]:
                return 0, _line("name: pitboss")
            case ["config", *_, "postgres"]:
                return 0, _line("postgres:17")
            case ["config", *_]:  # in any order, and of a service those of its dependencies as well
                return 0, _line("valkey/valkey:8", "postgres:17", "pitboss:local", "pitboss:local")
            case ["ps", *_, service]:
                return 0, _line(*self._of(service))
            case ["rm", *_, service]:
                for name in self._of(service):
                    del state["containers"][name]
            case ["build", *_]:
                state["images"]["pitboss:local"] = state["next"]
            case ["exec", *words]:
                if "PG_VERSION" in words[-1]:
                    return 0, _line(state["postgres"])
                if words[-1].endswith("Caddyfile"):
                    return 0, str(state["caddyfile"])
                return 0, _line("a dump") if "pg_dump" in words else ""
            case ["run", *_, "--name", name, "web"]:
                self._make("web on trial", name)
                if state["interrupted"] == "web on trial":
                    return self._interrupt(caller)
            case ["run", *words]:
                return int(state["migration_fails"] and "migrate" in words), ""
            case ["up", *options, service]:
                return self._up(caller, options, service)
            case _:
                return 2, ""
        return 0, ""

    def _up(self, caller: int, options: Sequence[str], service: str) -> tuple[int, str]:
        containers, image = self.state["containers"], self.state["images"][_image_of(service)]
        scale = next((int(each.partition("=")[2]) for each in options if each.startswith("web=")), None)
        wanted = scale if scale and service == "web" else max(len(self._of(service)), 1)
        if "--no-recreate" not in options:
            for name in self._of(service):
                if "--force-recreate" in options or containers[name]["image"] != image:
                    del containers[name]
        while len(self._of(service)) < wanted:
            self._make(service)
        for name in self._of(service)[wanted:]:
            del containers[name]
        if self.state["interrupted"] == service and image == "new":
            self.state["interrupted"] = ""
            return self._interrupt(caller)
        unhealthy = [name for name in self._of(service) if containers[name]["health"] != "healthy"]
        return int("--wait" in options and bool(unhealthy)), ""

    def _make(self, service: str, name: str = "") -> None:
        image = self.state["images"][_image_of(service)]
        is_broken = image in self.state["broken"] and service in self.state["breaks"]
        self.state["made"] += 1
        self.state["containers"][name or f"{service}-{self.state['made']}"] = {
            "service": service,
            "image": image,
            "health": "unhealthy" if is_broken else "healthy",
        }

    def _of(self, service: str) -> list[str]:
        return [name for name, each in self.state["containers"].items() if each["service"] == service]

    def _interrupt(self, caller: int) -> tuple[int, str]:
        """A Ctrl-C reaches the script, and who it has called."""
        os.kill(caller, signal.SIGINT)
        return 130, ""


def _image_of(service: str) -> str:
    return service if service in ("postgres", "redis", "proxy") else "pitboss:local"


def _line(*lines: str) -> str:
    return "\n".join(lines) + "\n"


@contextmanager
def _serving(docker: Callable[[int, Sequence[str]], tuple[int, str]]) -> Iterator[int]:
    """Answers each call of the program; the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    call, _ = listener.accept()
                except OSError:
                    return
                with call, call.makefile("rw", newline="") as stream:
                    caller, *args = stream.readline()[:-2].split("\0")
                    code, printed = docker(int(caller), args)
                    stream.write(f"{code}\n{printed}")

        server = threading.Thread(target=serve)
        server.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()
