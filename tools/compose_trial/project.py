"""One deployment with docker compose, apart from all others: a checkout, a project, secrets and ports of its own."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import requests

from launcher import ports
from tools.compose_trial.shell import TrialError, must, said, shell
from tools.compose_trial.steady_load import ROUND, Load
from tools.compose_trial.tree import Tree
from tools.compose_trial.watch import Watch

PROJECT = "pitboss-trial"
TAGS = ("trial-1", "trial-2")
BEFORE = "pitboss:before-upgrade"
_ANSI = re.compile(r"\x1b\[\d*[A-Za-z]")  # docker compose logs, whatever COMPOSE_ANSI says
_OF_A_BUILD = re.compile(r"#\d+ ")
STRICT = "set -e\n"  # for commands of several lines; no operator types it
PLAIN = "docker-compose.yml"
PROXIED = f"{PLAIN}:docker-compose.proxy.yml"
SMALL = f"{PLAIN}:docker-compose.small.yml"
ELSEWHERE = f"{PLAIN}:docker-compose.external-postgres.yml:docker-compose.external-queue.yml"


class Deployment:
    """One compose project of its own."""

    def __init__(self, directory: Path, write: Callable[[str], None], *, proxy: bool) -> None:
        """Without *proxy* there is one web, and nothing is tried that needs several."""
        self.write, self.proxy = write, proxy
        self.tree = Tree(directory)
        self.directory = directory
        self.port, self.flower_port, self.https_port = ports.unused(), ports.unused(), ports.unused()
        self.url = f"http://127.0.0.1:{self.port}"
        self.flower = f"http://127.0.0.1:{self.flower_port}"
        self.env = {
            **{
                name: value
                for name, value in os.environ.items()
                if name.startswith("DOCKER_") or name in ("PATH", "HOME")
            },
            "COMPOSE_PROJECT_NAME": PROJECT,
            "COMPOSE_ANSI": "never",
            "COMPOSE_PROGRESS": "plain",
            "PORT": str(self.port),  # the pages' commands name it
        }
        self._before = said("docker image inspect --format '{{.Id}}' " + BEFORE)
        for name, value in {
            "PITBOSS_TAG": TAGS[0],
            "FLOWER_PORT": str(self.flower_port),
            "HTTPS_LISTEN": f"127.0.0.1:{self.https_port}",
        }.items():
            self.setting(name, value)

    @property
    def token(self) -> str:
        return self.secret("api_tokens").split(",")[0].split(":")[2]

    @property
    def login(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def secret(self, name: str) -> str:
        return (self.directory / "secrets" / name).read_text()

    def flower_status(self, login: str | None) -> int:
        """How Flower answers somebody with this login."""
        auth = None if login is None else (login.split(":")[0], login.split(":")[1])
        return requests.get(f"{self.flower}/workers", timeout=20, auth=auth).status_code

    def setting(self, name: str, value: str) -> None:
        """Write a setting into .env, in place of what is there."""
        file = self.directory / ".env"
        lines = file.read_text().splitlines() if file.exists() else []
        kept = [line for line in lines if not line.startswith(f"{name}=")]
        file.write_text("\n".join([*kept, *([f"{name}={value}"] if value else [])]) + "\n")

    def form(self, files: str) -> None:
        """Which files the deployment is made of."""
        self.setting("COMPOSE_FILE", files)
        self.setting("WEB_REPLICAS", "3" if files == PROXIED else "")

    def run(self, command: str, *, before: str = "", show: int = 0, may_fail: bool = False) -> str:
        """Run what an operator would type, and *before* it what has been typed already; *show* is how many of its last
        lines the transcript keeps.

        Raises:
            TrialError: it failed though it may not, or the other way round.
        """
        began = time.monotonic()
        done = shell(before + command, self.env, directory=self.directory)
        took = time.monotonic() - began
        self.write(f"$ {command.removeprefix(STRICT).rstrip()}{f'    # {took:.0f} s' if took >= 1 else ''}")
        self.show((done.stdout + (done.stderr if done.returncode or not done.stdout else "")), show)
        if done.returncode and not may_fail:
            raise TrialError(
                f"{command} failed:\n" + "\n".join((done.stdout + done.stderr).splitlines()[-30:])
            )
        return done.stdout.strip()

    def look(self, command: str) -> str:
        """What a command prints that is no part of the transcript; it may fail."""
        return shell(command, self.env, directory=self.directory).stdout.strip()

    def succeeds(self, command: str) -> bool:
        """Whether a command that is no part of the transcript does not fail."""
        return shell(command, self.env, directory=self.directory).returncode == 0

    def refused(self, command: str, *, show: int = 2, before: str = "") -> str:
        """Run what must fail, and return what it said on standard error."""
        done = shell(before + command, self.env, directory=self.directory)
        self.write(f"$ {command}    # status {done.returncode}")
        self.show(done.stderr, show)
        must(done.returncode != 0, f"{command} did not fail")
        return done.stderr

    def show(self, output: str, lines: int) -> None:
        """Keep the last *lines* of an output in the transcript."""
        kept = [line for line in output.strip().splitlines() if line.strip() and not _OF_A_BUILD.match(line)]
        for line in kept[-lines:] if lines else []:
            self.write(self._plain(line))

    def ask(self, method: str, path: str, *, token: str = "", **kwargs: object) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return requests.request(method, self.url + path, headers=headers, timeout=20, **kwargs)  # type: ignore[arg-type]

    def wait_serving(self, patience_sec: float = 180) -> float:
        """Seconds until a worker is online and web says so."""
        return self.wait_for(
            lambda: bool(self.ask("GET", "/api/bot/status").json()["worker"]["online"]),
            "it serves",
            patience_sec,
        )

    def wait_for(self, holds: Callable[[], bool], what: str, patience_sec: float = 180) -> float:
        """Seconds until *holds* says so; what cannot be asked yet does not hold yet."""
        began = time.monotonic()
        while time.monotonic() - began < patience_sec:
            try:
                if holds():
                    return time.monotonic() - began
            except (requests.RequestException, ValueError, KeyError):
                pass
            time.sleep(0.3)
        raise TrialError(f"not after {patience_sec:.0f} s: {what}")

    def containers(self, service: str = "", *, shown: str = ".ID") -> list[str]:
        """All containers of a service, or of all, sorted; those that do not run as well."""
        label = "--filter label=com.docker.compose"
        command = f"docker ps --all {label}.project={PROJECT} {label}.oneoff=False"
        if service:
            command += f" {label}.service={service}"
        return sorted(shell(f"{command} --format '{{{{{shown}}}}}'", self.env).stdout.split())

    def services(self) -> set[str]:
        """The services that have a container."""
        return set(self.containers(shown='.Label "com.docker.compose.service"'))

    def volumes(self) -> set[str]:
        return set(
            self.look(f"docker volume ls --quiet --filter label=com.docker.compose.project={PROJECT}").split()
        )

    def load(self, *kinds: str) -> Load:
        return Load(self.url, self.token, kinds=kinds or ROUND)

    def watched(self, what: str, *kinds: str, all_answered: bool = False) -> Watch:
        """Commands arrive as long as it is open, of these kinds, or of those that change the state."""
        return Watch(self.load(*kinds), what, self.write, self.wait_serving, all_answered)

    def end(self) -> None:
        """Remove all that was made."""
        for files in (PROXIED, PLAIN):
            shell(
                "docker compose --profile sandbox down --volumes --remove-orphans --timeout 5",
                {**self.env, "COMPOSE_FILE": files, "SECRETS_DIR": "secrets"},
                directory=self.directory,
            )
        label = f"--filter label=com.docker.compose.project={PROJECT}"
        shell(f"docker volume rm $(docker volume ls --quiet {label})", self.env)
        shell(f"docker image rm {BEFORE} {' '.join(f'pitboss:{tag}' for tag in TAGS)}", self.env)
        if self._before:
            shell(f"docker tag {self._before} {BEFORE}", self.env)

    def _plain(self, line: str) -> str:
        return _ANSI.sub("", line).replace(str(self.directory) + "/", "").replace(PROJECT + "-", "").rstrip()
