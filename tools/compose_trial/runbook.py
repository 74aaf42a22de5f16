"""What docs/operations.md tells an operator to type, typed."""

from tools import doc_blocks
from tools.compose_trial.project import Deployment
from tools.compose_trial.shell import must


def runbook(it: Deployment) -> None:
    """What docs/operations.md tells an operator to type."""
    preamble = _preamble(it)
    ask = "SELECT kind, status FROM bot_command ORDER BY seq LIMIT 1"
    it.run(f'psql "$DATABASE_URL" --tuples-only -c "{ask}"', before=preamble, show=1)
    kill = """celery -A worker call bot.kill --kwargs '{"reason": "drill"}'"""
    id_ = it.run(kill, before=preamble, show=1)
    it.wait_for(
        lambda: it.ask("GET", f"/api/bot/commands/{id_}").json()["status"] == "applied", "it is applied", 60
    )
    # what the queue says of it comes after
    it.wait_for(lambda: "succeeded" in _lines(it, id_), "the logs tell of it", 60)
    it.run(f"docker compose logs --no-log-prefix web worker standby | grep {id_}", show=3)
    body = it.ask("POST", "/api/bot/rearm").json()
    it.write(f"POST /api/bot/rearm → {body['status']}, revision {body['revision']}")
    must(body["status"] == "applied", "the manual kill was not applied")


def starts_again(it: Deployment) -> None:
    """What is gone is started again, with the commands of docs/operations.md, and found in the logs."""
    preamble = _preamble(it)
    it.run("docker compose stop web")
    gone = it.run("docker compose ps --all", show=10)
    must(_row(gone, "web").count("Exited") == 1, "it does not show that web is gone")
    it.run("docker compose up --detach web")
    it.wait_serving()
    it.run('curl -fsS "$PITBOSS/healthz"', before=preamble, show=1)
    must(
        _row(it.run("docker compose ps --all"), "web").count(" Up ") == 1, "it does not show that web is back"
    )
    it.run("docker compose stop standby worker")
    it.wait_for(
        lambda: not it.ask("GET", "/api/bot/status").json()["worker"]["online"], "the workers are gone"
    )
    it.write("GET /api/bot/status → worker online: False")
    it.run("docker compose up --detach standby worker")
    it.wait_serving()
    it.write("GET /api/bot/status → worker online: True")
    must(
        "asked for rearm" in it.run("docker compose logs web", show=1), "web's log does not tell of a command"
    )
    both = it.run("docker compose logs worker standby", show=1)
    must("worker-1" in both and "standby-1" in both and "kill applied" in both, "a worker's log is missing")


def _preamble(it: Deployment) -> str:
    it.write("# after the lines under `With docker compose` there:")
    return "".join(doc_blocks.blocks("operations.md", mark="with-compose"))


def _lines(it: Deployment, id_: str) -> str:
    return it.look(f"docker compose logs --no-log-prefix web worker standby | grep {id_}")


def _row(table: str, service: str) -> str:
    """The lines of `docker compose ps` about one service."""
    return "\n".join(line for line in table.splitlines() if f"-{service}-" in line.split(" ")[0])
