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

from tools import doc_blocks
from tools.compose_trial.images import headline
from tools.compose_trial.project import PROJECT, PROXIED, ROOT, STRICT, TAGS, Deployment, TrialError, shell
from tools.compose_trial.watch import Watch, must

NO_PROXY = "left out: there is no image for the proxy"

#: Asks each web for its metrics as Prometheus does, which looks for all addresses of the name.
_SCRAPE = """export TOKEN={token}
exec <<'END'
import os, socket, urllib.request
for place in sorted({{each[4] for each in socket.getaddrinfo("web", 8000, socket.AF_INET, socket.SOCK_STREAM)}}):
    request = urllib.request.Request("http://%s:%s/metrics" % place, headers={{"Authorization": "Bearer " + os.environ["TOKEN"]}})
    print("GET /metrics of one web →", urllib.request.urlopen(request).status)
END
"""


class Trial:
    """The steps, in order."""

    def __init__(
        self, deployment: Deployment, write: Callable[[str], None], restart_engine: str | None, *, proxy: bool
    ) -> None:
        """Without *proxy* there is one web, and nothing is tried that needs several."""
        self._it = deployment
        self._write = write
        self._restart_engine = restart_engine
        self._proxy = proxy

    def run(self) -> None:
        for step in (
            self.comes_up,
            self.commands,
            self.runbook,
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
        must(status["sandbox"] is True, "the status does not say that the account is simulated")
        must(
            requests.get(f"{self._it.url}/api/bot/status", timeout=10).status_code == 401,
            "no token was needed",
        )
        user, password = (self._it.directory / "secrets" / "flower_login").read_text().split(":")
        without = requests.get(f"{self._it.flower}/workers", timeout=20).status_code
        within = requests.get(f"{self._it.flower}/workers", timeout=20, auth=(user, password)).status_code
        self._write(f"Flower without its login → {without}, with it → {within}")
        must((without, within) == (401, 200), "Flower's login")

    def runbook(self) -> None:
        """What docs/operations.md tells an operator to type."""
        preamble = "".join(doc_blocks.blocks("operations.md", mark="with-compose"))
        self._write("# after the lines under `With docker compose` there:")
        ask = "SELECT kind, status FROM bot_command ORDER BY seq LIMIT 1"
        self._it.run(f'psql "$DATABASE_URL" --tuples-only -c "{ask}"', before=preamble, show=1)
        kill = """celery -A worker call bot.kill --kwargs '{"reason": "drill"}'"""
        id_ = self._it.run(kill, before=preamble, show=1)
        time.sleep(2)
        self._it.run(f"docker compose logs --no-log-prefix web worker standby | grep -c {id_}", show=1)
        body = self._it.ask("POST", "/api/bot/rearm").json()
        self._write(f"POST /api/bot/rearm → {body['status']}, revision {body['revision']}")
        must(body["status"] == "applied", "the manual kill was not applied")

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
        must("0.0.0.0" not in outside, "a port is open to the world")  # noqa: S104 - compared, not bound

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
            must(done.returncode == 0, f"the engine did not come back: {done.stdout}{done.stderr}")
            self._write(f"# served again {self._it.wait_serving():.0f} s after the engine answered")

    def scales(self) -> None:
        """Three webs behind the proxy."""
        if not self._proxy:
            self._write(NO_PROXY)
            return
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
        self._it.run("docker compose up --detach --wait --no-recreate --scale web=3")
        scraped = self._it.run(
            "docker compose exec -T -e TOKEN standby python -",
            before=_SCRAPE.format(token=self._it.token),
            show=3,
        )
        must(scraped.count(" → 200") == 3, "Prometheus would not find all webs")
        took = self._it.run("docker compose logs --no-log-prefix web | grep -c '\"rang for'", show=0)
        self._write(f"# {took} messages were sent by the webs")
        with requests.get(
            f"{self._it.url}/api/bot/events",
            headers=self._it.login,
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
        # what every state allows, since the load may have left the bot running
        change = {"maxConcurrentPositions": 4}
        after = [self._it.ask("PATCH", "/api/bot/config", json=change).json()["revision"] for _ in range(2)]
        self._it.run(STRICT + "\n".join(restore).rstrip())
        (ROOT / "pitboss.dump").unlink()
        self._it.wait_serving()
        commands = self._it.ask("GET", "/api/bot/commands?limit=1").json()["items"]
        self._write(
            f"# revision at the dump: {before}, before the restore: {after[-1]},"
            f" after it: {commands[0]['revision']} ({commands[0]['kind']}, reason: {commands[0]['reason']})"
        )
        must(commands[0]["revision"] == before + 1, "the log is not the one of the dump")

    def keeps_its_data(self) -> None:
        """The volumes survive `down`."""
        before = self._it.ask("GET", "/api/bot/status").json()["revision"]
        self._it.run("docker compose down")
        self._it.run("docker compose up --detach --wait" + (" --scale web=3" if self._proxy else ""))
        self._it.wait_serving()
        after = self._it.ask("GET", "/api/bot/status").json()["revision"]
        self._write(f"# revision before: {before}, after: {after}")
        must(before == after, "the log is not what it was")

    def _watched(self, what: str, *, may_wait: bool = False) -> Watch:
        return Watch(self._it.load(), what, self._write, self._it, may_wait)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 when every step did what it should."""
    parser = argparse.ArgumentParser(
        prog="script/try-compose", description="Tries the deployment on a real engine."
    )
    parser.add_argument(
        "--transcript", type=Path, default=ROOT / "docs" / "proofs" / "compose-run.md", metavar="FILE"
    )
    parser.add_argument("--restart-engine", metavar="COMMAND", help="restarts the engine and waits for it")
    parser.add_argument("--without-proxy", action="store_true", help="leave out what needs several webs")
    asked = parser.parse_args(arguments)

    lines = ["# The deployment, tried on a real engine", "", *headline(proxy=not asked.without_proxy)]
    with tempfile.TemporaryDirectory(prefix="pitboss-trial-") as directory:
        deployment = Deployment(Path(directory), lines.append)
        try:
            Trial(deployment, lines.append, asked.restart_engine, proxy=not asked.without_proxy).run()
            status = 0
        except TrialError as error:
            print(f"{error}\n\n" + "\n".join(lines[-15:]), file=sys.stderr)
            status = 1
        finally:
            deployment.end()
    if status == 0:
        asked.transcript.write_text("\n".join(lines) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
