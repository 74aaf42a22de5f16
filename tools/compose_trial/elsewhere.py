"""Postgres and the queue outside of the project."""

from tools import doc_blocks
from tools.compose_trial.images import POSTGRES_IMAGE, QUEUE_IMAGE
from tools.compose_trial.project import ELSEWHERE, PLAIN, PROJECT, STRICT, Deployment
from tools.compose_trial.shell import must

_SERVER, _QUEUE = f"{PROJECT}-managed-postgres", f"{PROJECT}-managed-queue"
_PASSWORD = "password-of-the-trial"  # noqa: S105 - of two containers that are gone a minute later
_STAY = ("postgres", "redis")


def elsewhere(it: Deployment) -> None:
    """Postgres and the queue move to servers outside of the project, and back; the old containers end, their volumes stay."""
    it.form(PLAIN)
    it.run("docker compose up --detach --wait --remove-orphans")
    it.wait_serving()
    before = it.ask("GET", "/api/bot/status").json()["revision"]
    try:
        _start(it)
        _move(it)
        after = it.ask("GET", "/api/bot/status").json()["revision"]
        it.write(f"# revision before: {before}, after: {after}")
        must(before == after, "the log is not what it was")
        with it.watched("commands by the servers elsewhere", all_answered=True) as load:
            load.wait_for(100)
        must(not {*_STAY} & set(it.services()), "an old container is left")
        must({f"{PROJECT}_{each}" for each in _STAY} <= it.volumes(), "a volume is gone")
        it.write("# the containers of Postgres and Redis are gone, their volumes are there")
        addresses = "cd secrets && cat database_url redis_url"
        kept = it.look(addresses)
        it.run("script/secrets")
        must(it.look(addresses) == kept, "script/secrets has changed an address")
        it.form(PLAIN)
        for name in ("database_url", "redis_url"):
            it.run(f"script/secrets set {name} </dev/null")
        it.run("script/secrets")
        it.run("docker compose up --detach --wait --force-recreate --remove-orphans")
        it.wait_serving()
    finally:
        it.look(f"docker rm --force --volumes {_SERVER} {_QUEUE}")
    must(it.ask("GET", "/api/bot/status").json()["revision"] == before, "the way back")


def _start(it: Deployment) -> None:
    """The two servers, where the project's containers can reach them."""
    start = f"docker run --detach --network {PROJECT}_outside"
    it.run(
        f"{start} --name {_SERVER} --env POSTGRES_USER=pitboss --env POSTGRES_DB=pitboss"
        f" --env POSTGRES_PASSWORD={_PASSWORD} {POSTGRES_IMAGE}"
    )
    it.run(f"{start} --name {_QUEUE} {QUEUE_IMAGE} valkey-server --requirepass {_PASSWORD}")
    it.wait_for(
        lambda: it.succeeds(
            f"docker exec {_SERVER} pg_isready --quiet --host=127.0.0.1 --username=pitboss --dbname=pitboss"
        ),
        "the server elsewhere is ready",
    )


def _move(it: Deployment) -> None:
    """The dump of docs/backup.md is restored there while nothing works, and .env names the files of docs/deployment.md."""
    it.run("docker compose stop web worker standby beat flower")
    it.run(STRICT + doc_blocks.blocks("backup.md", mark="compose-dump")[0].rstrip())
    it.run(
        f"docker exec -i {_SERVER} pg_restore --username=pitboss --dbname=pitboss --no-owner --no-privileges --exit-on-error"
        " <pitboss.dump"
    )
    for name, address in {
        "database_url": f"postgresql://pitboss:{_PASSWORD}@{_SERVER}:5432/pitboss",
        "redis_url": f"redis://:{_PASSWORD}@{_QUEUE}:6379/0",
    }.items():
        it.run(f"printf '%s' {address} | script/secrets set {name}")
    it.form(ELSEWHERE)
    it.run("docker compose up --detach --wait --force-recreate --remove-orphans")
    it.wait_serving()
