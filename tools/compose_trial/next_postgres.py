"""The step from one major of Postgres to the next."""

from tools import doc_blocks
from tools.compose_trial.images import NEXT_POSTGRES_IMAGE, is_there
from tools.compose_trial.project import Deployment
from tools.compose_trial.shell import must


def next_postgres(it: Deployment) -> None:
    """D7: from Postgres 17 to 18, with the commands of docs/deployment.md, and back."""
    if not is_there(NEXT_POSTGRES_IMAGE):
        it.write(f"left out: there is no image {NEXT_POSTGRES_IMAGE}")
        return
    dump, restore = (
        doc_blocks.blocks("deployment.md", mark=mark)[0].rstrip()
        for mark in ("postgres-dump", "postgres-restore")
    )
    before = it.ask("GET", "/api/bot/status").json()["revision"]
    it.run(dump)
    it.tree.change("docker-compose.yml", "image: postgres:17", f"image: {NEXT_POSTGRES_IMAGE}")
    it.tree.change(
        "docker-compose.yml", "postgres:/var/lib/postgresql/data", "postgres18:/var/lib/postgresql"
    )
    it.tree.change("docker-compose.yml", "\n  postgres: {}\n", "\n  postgres18: {}\n")
    it.run(restore)
    it.wait_serving()
    version = it.run(
        "docker compose exec -T postgres psql --username=pitboss pitboss --tuples-only -c 'SHOW server_version'",
        show=1,
    )
    after = it.ask("GET", "/api/bot/status").json()["revision"]
    it.write(f"# revision before: {before}, after: {after}")
    must(version.strip().startswith("18") and before == after, "the log is not what it was")
    it.run("script/upgrade", show=1)
    it.run("docker compose down")
    it.tree.check_out()
    it.run("docker compose up --detach --wait")
    it.wait_serving()
    must(it.ask("GET", "/api/bot/status").json()["revision"] == before, "the way back")
