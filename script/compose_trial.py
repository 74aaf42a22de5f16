"""Tries the deployment on a real engine, step by step, and writes down what it saw: `script/try-compose` ends here.

Everything is in a project, a network, volumes and a directory of secrets of its own, all of which are removed at the end.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import requests

from script import doc_blocks
from script.compose_project import PROJECT, PROXIED, ROOT, STRICT, TAGS, Deployment, TrialError, shell
from script.steady_load import Load, broken_rules

ENGINE_VERSION = "docker version --format '{{.Server.Version}}'"


class Trial:
    """The steps, in order."""

    def __init__(
        self, deployment: Deployment, write: Callable[[str], None], restart_engine: str | None
    ) -> None:
        self._it = deployment
        self._write = write
        self._restart_engine = restart_engine

    def run(self) -> None:
        for step in (
            self.comes_up,
            self.commands,
            self.confined,
            self.crashes,
            self.loses_worker,
            self.loses_redis,
            self.loses_postgres,
            self.restarts_engine,
            self.scales,
            self.upgrades,
            self.restores_a_backup,
            self.keeps_its_data,
        ):
            heading = (step.__doc__ or "").split("\n")[0].rstrip(".")
            print(f"== {heading}", flush=True)
            self._write(f"\n## {heading}\n\n```")
            try:
                step()
            finally:
                self._write("```")

    def comes_up(self) -> None:
        """A clean host: one command for the secrets, one to come up."""
        self._it.run("script/secrets", show=8)
        self._it.env |= dict(
            line.split("=", 1) for line in (self._it.directory / "env").read_text().splitlines()
        )
        self._it.run("docker compose up --build --detach --wait --quiet-pull")
        self._it.run(
            "docker compose ps --all --format 'table {{.Service}}\t{{.Image}}\t{{.Status}}\t{{.Ports}}'",
            show=20,
        )

    def commands(self) -> None:
        """Commands over HTTP; the account is simulated and says so."""
        for path in ("start", "pause", "resume", "stop", "kill", "rearm"):
            body = self._it.ask("POST", f"/api/bot/{path}").json()
            self._write(f"POST /api/bot/{path} → {body['state']}, revision {body['revision']}")
        status = self._it.ask("GET", "/api/bot/status").json()
        self._write(
            f"GET /api/bot/status → sandbox: {status['sandbox']}, worker online: {status['worker']['online']}"
        )
        _must(status["sandbox"] is True, "the status does not say that the account is simulated")
        _must(
            requests.get(f"{self._it.url}/api/bot/status", timeout=10).status_code == 401,
            "no token was needed",
        )
        user, password = (self._it.directory / "secrets" / "flower_login").read_text().split(":")
        without = requests.get(f"{self._it.flower}/workers", timeout=20).status_code
        within = requests.get(f"{self._it.flower}/workers", timeout=20, auth=(user, password)).status_code
        self._write(f"Flower without its login → {without}, with it → {within}")
        _must((without, within) == (401, 200), "Flower's login")

    def confined(self) -> None:
        """What a process in a container may: no root, no capability, nothing to write to."""
        self._it.run(
            "docker compose exec -T web sh -c 'id; grep CapEff /proc/self/status; touch /app/x 2>&1; true'",
            show=3,
        )
        self._it.run(
            "docker inspect --format '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}}'"
            f" {PROJECT}-web-1 {PROJECT}-worker-1 {PROJECT}-postgres-1 {PROJECT}-redis-1",
            show=4,
        )
        outside = self._it.run(
            f"docker port {PROJECT}-web-1; docker port {PROJECT}-flower-1; docker port {PROJECT}-postgres-1",
            show=4,
        )
        self._it.run(
            "docker compose exec -T web bash -c 'time /app/deploy/healthy web; time /app/deploy/healthy worker' 2>&1 | grep real",
            show=2,
        )
        _must("0.0.0.0" not in outside, "a port is open to the world")  # noqa: S104 - compared, not bound

    def crashes(self) -> None:
        """Kill -9 of everything in a container: it is started again, and no command is lost."""
        for service in ("web", "worker", "beat"):
            with self._watched(f"all processes of {service} are killed"):
                self._it.run(f"docker compose exec -T {service} bash -c 'kill -9 -1'", may_fail=True)
                time.sleep(5)
                self._it.wait_serving()

    def loses_worker(self) -> None:
        """The worker's container is lost while commands arrive: the standby carries on."""
        with self._watched("the worker is gone for 12 s"):
            time.sleep(2)
            self._it.run("docker compose kill worker")
            time.sleep(12)
            self._it.run("docker compose up --detach --wait worker")

    def loses_redis(self) -> None:
        """Redis is lost while commands arrive: the log delivers."""
        with self._watched("Redis is gone for 8 s"):
            self._it.run("docker compose kill redis")
            time.sleep(8)
            self._it.run("docker compose up --detach --wait redis")
            time.sleep(3)

    def loses_postgres(self) -> None:
        """Postgres is lost while commands arrive: nothing is accepted that cannot be kept."""
        with self._watched("Postgres is gone for 6 s", may_wait=True):
            self._it.run("docker compose kill postgres")
            time.sleep(6)
            self._it.run("docker compose up --detach --wait postgres")
            self._it.wait_serving()

    def restarts_engine(self) -> None:
        """The engine restarts while commands arrive."""
        if self._restart_engine is None:
            self._write("left out: no --restart-engine was given")
            return
        with self._watched("the engine restarts", may_wait=True):
            done = shell(self._restart_engine, dict(os.environ), 300)
            _must(done.returncode == 0, f"the engine did not come back: {done.stdout}{done.stderr}")
            self._write(f"# served again {self._it.wait_serving():.0f} s after the engine answered")

    def scales(self) -> None:
        """Three webs behind the proxy."""
        self._it.env["COMPOSE_FILE"] = PROXIED
        self._it.run("docker compose up --detach --wait --scale web=3", may_fail=False)
        self._it.run(
            "docker compose ps --format 'table {{.Service}}\t{{.Status}}\t{{.Ports}}' web proxy", show=6
        )
        self._it.wait_serving()
        with self._watched("one of three webs is killed"):
            time.sleep(3)
            self._it.run(f"docker kill {PROJECT}-web-2")
            time.sleep(3)
        took = self._it.run("docker compose logs --no-log-prefix web | grep -c '\"rang for'", show=0)
        self._write(f"# {took} messages were sent by the webs")
        with requests.get(
            f"{self._it.url}/api/bot/events",
            headers={"Authorization": f"Bearer {self._it.token}"},
            stream=True,
            timeout=10,
        ) as stream:
            began = time.monotonic()
            first = next(line for line in stream.iter_lines() if line.startswith(b"event:"))
            self._write(
                f"GET /api/bot/events through the proxy → {first.decode()} after {time.monotonic() - began:.2f} s"
            )

    def upgrades(self) -> None:
        """Upgrade to the next release while commands arrive."""
        self._it.run("docker compose up --detach --wait --no-recreate --scale web=3")
        self._it.env["PITBOSS_TAG"] = TAGS[1]
        with self._watched("image, migrations, webs, standby, worker, the rest"):
            self._it.run("script/upgrade", show=0)
        self._it.run("docker compose ps --format 'table {{.Service}}\t{{.Image}}\t{{.Status}}'", show=14)

    def restores_a_backup(self) -> None:
        """A backup is taken and put back, with the commands of docs/backup.md."""
        before = self._it.ask("GET", "/api/bot/status").json()["revision"]
        dump, restore = (
            doc_blocks.blocks("backup.md", mark="compose-dump"),
            doc_blocks.blocks("backup.md", mark="compose-restore"),
        )
        self._it.run(STRICT + "\n".join(dump).rstrip())
        after = [self._it.ask("POST", f"/api/bot/{path}").json()["revision"] for path in ("start", "stop")][
            -1
        ]
        self._it.run(STRICT + "\n".join(restore).rstrip())
        (ROOT / "pitboss.dump").unlink()
        self._it.wait_serving()
        commands = self._it.ask("GET", "/api/bot/commands?limit=1").json()["items"]
        self._write(
            f"# revision at the dump: {before}, before the restore: {after},"
            f" after it: {commands[0]['revision']} ({commands[0]['kind']}, reason: {commands[0]['reason']})"
        )
        _must(commands[0]["revision"] == before + 1, "the log is not the one of the dump")

    def keeps_its_data(self) -> None:
        """The volumes survive `down`."""
        before = self._it.ask("GET", "/api/bot/status").json()["revision"]
        self._it.run("docker compose down")
        self._it.run("docker compose up --detach --wait --scale web=3")
        self._it.wait_serving()
        after = self._it.ask("GET", "/api/bot/status").json()["revision"]
        self._write(f"# revision before: {before}, after: {after}")
        _must(before == after, "the log is not what it was")

    def _watched(self, what: str, *, may_wait: bool = False) -> "_Watch":
        return _Watch(self._it.load(), what, self._write, self._it, may_wait)


class _Watch:
    """Commands arrive as long as it is open; afterwards each must have come to an end."""

    def __init__(
        self, load: Load, what: str, write: Callable[[str], None], deployment: Deployment, may_wait: bool
    ) -> None:
        self._load, self._what, self._write, self._it, self._may_wait = (
            load,
            what,
            write,
            deployment,
            may_wait,
        )

    def __enter__(self) -> None:
        self._load.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        time.sleep(0 if kind else 2)
        self._load.__exit__(None, None, None)
        if kind is not None:
            return
        self._it.wait_serving()
        unfinished, untrue, broken = self._load.unfinished(), self._load.untrue(), broken_rules(self._load)
        self._write(f"# {self._what}: {self._load.summary()}")
        accepted = len(self._load.accepted)
        self._write(
            f"# of {accepted} accepted commands {accepted - len(unfinished)} came to an end;"
            f" {len(untrue)} answered with 200 but not applied; {len(broken)} broken rules in the log"
        )
        _must(accepted > 0, "no command was accepted")
        _must(not unfinished, f"accepted and never finished: {unfinished}")
        _must(not untrue, f"answered with 200 and not applied: {untrue}")
        _must(not broken, f"broken: {broken[:5]}")


def _must(holds: bool, complaint: str) -> None:
    if not holds:
        raise TrialError(complaint)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 when every step did what it should."""
    parser = argparse.ArgumentParser(
        prog="script/try-compose", description="Tries the deployment on a real engine."
    )
    parser.add_argument("--transcript", type=Path, default=ROOT / "docs" / "compose-run.md", metavar="FILE")
    parser.add_argument("--restart-engine", metavar="COMMAND", help="restarts the engine and waits for it")
    asked = parser.parse_args(arguments)

    lines = [
        "# The deployment, tried on a real engine",
        "",
        "Written by `script/try-compose`; run it again to see for yourself. Lines with `#` say what it found.",
    ]
    lines.append(f"Engine: {_version(ENGINE_VERSION)},")
    lines[-1] += f" Compose {_version('docker compose version --short')}, {os.cpu_count()} cores."
    with tempfile.TemporaryDirectory(prefix="pitboss-trial-") as directory:
        deployment = Deployment(Path(directory), lines.append)
        try:
            Trial(deployment, lines.append, asked.restart_engine).run()
            status = 0
        except TrialError as error:
            print(f"{error}\n\n" + "\n".join(lines[-15:]), file=sys.stderr)
            status = 1
        finally:
            deployment.end()
    if status == 0:
        asked.transcript.write_text("\n".join(lines) + "\n")
    return status


def _version(command: str) -> str:
    return shell(command, dict(os.environ)).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
