"""Runs all of Pitboss on this machine: `script/server` ends here.

The order: check everything that can be checked, start the servers, migrate, start the application, wait until it
answers, then watch until a signal comes, and stop in the opposite order.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import cast

from bot.settings import kept_secret
from launcher.aside import aside
from launcher.banner import banner
from launcher.console import Console
from launcher.data_dir_lock import Instance
from launcher.embedded import Postgres, Valkey
from launcher.environment import PG_BIN, Plan, read_secret_files
from launcher.errors import StartError
from launcher.keyboard import wait_for_enter
from launcher.process import Process
from launcher.programs import ROOT, Parts
from launcher.readiness import WebProbe
from launcher.reaper import Guard
from launcher.stop_signal import StopSignal
from launcher.supervisor import Supervisor, describe

READY_TIMEOUT_SEC = 60.0
WORKER_TIMEOUT_SEC = 15.0


class Launcher:
    """One run, from the checks to the last process stopped."""

    def __init__(self, data_dir: Path, console: Console, stop: StopSignal, *, demo: bool = False) -> None:
        """With *demo* the example bot runs, too."""
        self._demo = demo
        self._data_dir = data_dir
        self._console = console
        self._stop = stop
        self._supervisor = Supervisor(console)
        self._server_env = data_dir / "server.env"
        self._banner_file = data_dir / "banner.txt"

    def run(self) -> None:
        """Returns after a signal to stop. Raises StartError when it came to nothing; then, too, nothing is left."""
        instance = Instance(self._data_dir)
        guard = Guard(instance.fd, litter=[self._server_env, self._banner_file])
        try:
            self._server_env.unlink(missing_ok=True)
            self._start(guard)
            while not self._stop.is_given():
                self._supervisor.check()
                if wait_for_enter(0.1):
                    self._console.block(self._banner_file.read_text())
        except StartError:
            if not self._stop.is_given():
                raise
        finally:
            self._end(guard)
            instance.release()

    def _start(self, guard: Guard) -> None:
        read_secret_files()
        postgres = valkey = None
        database_url = os.environ.get("DATABASE_URL", "")
        if not database_url:
            postgres = Postgres(self._data_dir / "postgres", guard=guard, console=self._console)
            os.environ[PG_BIN] = str(postgres.programs)
            database_url = postgres.url_as("pitboss_app")
            os.environ["DATABASE_OWNER_URL"] = postgres.url
            os.environ["DATABASE_READ_URL"] = postgres.url_as("pitboss_read")
        redis_url = os.environ.get("REDIS_URL", "")
        # a queue of another kind needs no Redis beside it
        if not redis_url and not os.environ.get("QUEUE_URL"):
            valkey = Valkey(self._data_dir / "valkey", guard=guard)
            redis_url = valkey.url
        own_ports = {
            "PostgreSQL": None if postgres is None else postgres.port,
            "Valkey": None if valkey is None else valkey.port,
        }
        plan = aside(lambda: self._check(database_url, redis_url, own_ports))
        environment = plan.environment

        if postgres is not None:
            self._start_server(postgres)
        if valkey is not None:
            self._start_server(valkey)
        parts = Parts(environment.variables, self._data_dir, self._console, guard)
        if environment.sandbox_port is not None:
            self._supervisor.adopt(parts.sandbox(environment.sandbox_port, walk=self._demo))
        self._migrate(parts.migration())
        kept_secret.write_private(self._server_env, environment.server_env())
        for process in parts.application(plan.flower_port):
            self._supervisor.adopt(process)
        address = self._await_readiness(plan)
        if environment.demo_token is not None:
            self._supervisor.adopt(parts.demo(address, environment.demo_token))

    def _check(self, database_url: str, redis_url: str, own_ports: Mapping[str, int | None]) -> Plan:
        from launcher import preflight  # see there

        return preflight.check(
            self._data_dir,
            database_url,
            redis_url,
            own_ports,
            demo=self._demo,
            is_terminal=self._console.is_terminal,
        )

    def _start_server(self, server: Postgres | Valkey) -> None:
        self._console.say(f"Starting {server.process.name} …")
        server.start(self._stop.is_given)
        self._supervisor.adopt(server.process)

    def _migrate(self, migration: Process) -> None:
        self._console.say("Migrating the database …")
        migration.start()
        while migration.is_running:
            if self._stop.is_given():
                migration.stop()
            time.sleep(0.05)
        if migration.exit_code() != 0 and not self._stop.is_given():
            assert migration.log is not None  # noqa: S101 - parts gives it one
            self._console.block(migration.log.read_text())
            raise StartError("The database could not be migrated; the lines above say why.")

    def _await_readiness(self, plan: Plan) -> str:
        """Waits for web, then a while for the worker, so that the first command is answered with its outcome.
        Returns the address of web."""
        self._console.say("Waiting until web answers …")
        web = WebProbe(plan.host, plan.port)
        if not self._poll(web.is_ready, READY_TIMEOUT_SEC):
            raise StartError(f"Web was not ready within {READY_TIMEOUT_SEC:.0f} s, see {web.address}/readyz.")
        token = plan.operator_token
        is_worker_online = token is None or self._poll(
            lambda: web.is_worker_online(token), WORKER_TIMEOUT_SEC
        )
        shown = banner(
            plan, web.address, is_worker_online, self._banner_file, shows_secrets=self._console.is_terminal
        )
        kept_secret.write_private(self._banner_file, shown)
        self._console.block(shown)
        return web.address

    def _poll(self, is_so: Callable[[], bool], timeout_sec: float) -> bool:
        deadline = time.monotonic() + timeout_sec
        while time.monotonic() < deadline:
            if self._stop.is_given():
                raise StartError("Stopped before the start was complete.")
            for process in self._supervisor.ended():
                raise StartError(
                    f"{process.name} ended during the start ({describe(process.exit_code())}): its lines say why."
                )
            if is_so():
                return True
            time.sleep(0.1)
        return False

    def _end(self, guard: Guard) -> None:
        self._console.say("Stopping …")
        self._supervisor.stop(self._stop.is_urgent)
        self._server_env.unlink(missing_ok=True)
        self._banner_file.unlink(missing_ok=True)
        guard.dismiss()
        self._console.say("Stopped.")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 after a signal to stop, 1 when the start failed."""
    parser = argparse.ArgumentParser(
        prog="script/server",
        description="Runs all of Pitboss on this machine until Ctrl-C. Settings come from the environment.",
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="also run the example bot, which trades at the sandbox once it is started",
    )
    asked = parser.parse_args(arguments)

    os.umask(0o077)  # what is written from here on holds tokens and trades
    try:
        data_dir = _make_data_dir()
        Launcher(data_dir, Console(cast(TextIOWrapper, sys.stdout)), StopSignal(), demo=asked.demo).run()
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _make_data_dir() -> Path:
    data_dir = Path(os.environ.get("DATA_DIR") or ROOT / ".data").absolute()
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data_dir / "lock").touch()
    except OSError as error:
        raise StartError(f"DATA_DIR is {data_dir}, which cannot be written to ({error.strerror}).") from None
    return data_dir


if __name__ == "__main__":
    sys.exit(main())
