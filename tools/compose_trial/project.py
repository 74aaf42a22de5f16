"""One deployment with docker compose, apart from all others: a project, secrets and ports of its own."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import requests

from launcher import ports
from tools.compose_trial.steady_load import Load

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "pitboss-trial"
TAGS = ("trial-1", "trial-2")
STRICT = "set -e\n"  # for commands of several lines; no operator types it
PROXIED = "docker-compose.yml:docker-compose.proxy.yml"


class TrialError(Exception):
    """A step did not do what it should."""


class Deployment:
    """One compose project of its own."""

    def __init__(self, directory: Path, write: Callable[[str], None]) -> None:
        self._write = write
        self.directory = directory
        self.port, flower_port, https_port = ports.unused(), ports.unused(), ports.unused()
        self.url = f"http://127.0.0.1:{self.port}"
        self.flower = f"http://127.0.0.1:{flower_port}"
        self.env = {
            **{
                name: value
                for name, value in os.environ.items()
                if name.startswith("DOCKER_") or name in ("PATH", "HOME")
            },
            "COMPOSE_PROJECT_NAME": PROJECT,
            "COMPOSE_DISABLE_ENV_FILE": "1",  # a .env here is the operator's
            "COMPOSE_ANSI": "never",
            "COMPOSE_PROGRESS": "plain",
            "PITBOSS_TAG": TAGS[0],
            "SECRETS_DIR": str(directory / "secrets"),
            "SETTINGS_FILE": str(directory / "env"),
            "PORT": str(self.port),
            "FLOWER_PORT": str(flower_port),
            "HTTPS_LISTEN": f"127.0.0.1:{https_port}",
        }

    @property
    def token(self) -> str:
        return (self.directory / "secrets" / "api_tokens").read_text().split(",")[0].split(":")[2]

    @property
    def login(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def run(self, command: str, *, before: str = "", show: int = 0, may_fail: bool = False) -> str:
        """Run what an operator would type, and *before* it what he has typed already; *show* is how many of its last
        lines the transcript keeps."""
        began = time.monotonic()
        done = shell(before + command, self.env)
        took = time.monotonic() - began
        self._write(f"$ {command.removeprefix(STRICT)}{f'    # {took:.0f} s' if took >= 1 else ''}")
        output = (
            (done.stdout + (done.stderr if done.returncode or not done.stdout else "")).strip().splitlines()
        )
        if done.returncode and not may_fail:
            raise TrialError(f"{command} failed:\n" + "\n".join(output[-30:]))
        for line in output[-show:] if show else []:
            self._write(self._plain(line))
        return done.stdout.strip()

    def ask(self, method: str, path: str, **kwargs: object) -> requests.Response:
        return requests.request(method, self.url + path, headers=self.login, timeout=20, **kwargs)  # type: ignore[arg-type]

    def wait_serving(self, patience_sec: float = 180) -> float:
        """Seconds until a worker is online and web says so."""
        began = time.monotonic()
        while time.monotonic() - began < patience_sec:
            try:
                if self.ask("GET", "/api/bot/status").json()["worker"]["online"]:
                    return time.monotonic() - began
            except (requests.RequestException, ValueError, KeyError):
                pass
            time.sleep(0.3)
        raise TrialError(f"it does not serve after {patience_sec:.0f} s")

    def load(self) -> Load:
        return Load(self.url, self.token)

    def end(self) -> None:
        """Remove all that was made."""
        down = "docker compose down --volumes --remove-orphans --timeout 5"
        shell(down, {**self.env, "COMPOSE_FILE": PROXIED})
        shell(f"docker image rm {' '.join(f'pitboss:{tag}' for tag in TAGS)}", self.env)

    def _plain(self, line: str) -> str:
        return line.replace(str(self.directory) + "/", "").replace(PROJECT + "-", "").rstrip()


def shell(command: str, env: dict[str, str], timeout_sec: float = 900) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout_sec
    )
