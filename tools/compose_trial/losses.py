"""Parts of the deployment are lost while commands arrive."""

import os
import time

from tools.compose_trial.project import Deployment
from tools.compose_trial.shell import must, shell


def crashes(it: Deployment) -> None:
    """Kill -9 of everything in a container: it is started again, and no command is lost."""
    for service in ("web", "worker", "beat"):
        with it.watched(f"all processes of {service} are killed"):
            it.run(f"docker compose exec -T {service} bash -c 'kill -9 -1'", may_fail=True)
            time.sleep(5)
            it.wait_serving()


def loses_worker(it: Deployment) -> None:
    """The worker's container is lost while commands arrive: the standby carries on."""
    with it.watched("the worker is gone for 12 s", all_answered=True):
        time.sleep(2)
        it.run("docker compose kill worker")
        time.sleep(12)
        it.run("docker compose up --detach --wait worker")


def loses_redis(it: Deployment) -> None:
    """Redis is lost while commands arrive: the log delivers."""
    with it.watched("Redis is gone for 8 s", all_answered=True):
        it.run("docker compose kill redis")
        time.sleep(8)
        it.run("docker compose up --detach --wait redis")
        time.sleep(3)


def loses_postgres(it: Deployment) -> None:
    """Postgres is lost while commands arrive: nothing is accepted that cannot be kept."""
    with it.watched("Postgres is gone for 6 s"):
        it.run("docker compose kill postgres")
        time.sleep(6)
        it.run("docker compose up --detach --wait postgres")
        it.wait_serving()


def restarts_engine(it: Deployment, command: str | None) -> None:
    """The engine restarts while commands arrive."""
    if command is None:
        it.write("left out: no --restart-engine was given")
        return
    with it.watched("the engine restarts"):
        done = shell(command, dict(os.environ), timeout_sec=300)
        must(done.returncode == 0, f"the engine did not come back: {done.stdout}{done.stderr}")
        it.write(f"# served again {it.wait_serving():.0f} s after the engine answered")
