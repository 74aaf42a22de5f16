"""The step from one major of Postgres to the next."""

from tools import doc_blocks
from tools.compose_trial.images import NEXT_POSTGRES_IMAGE, POSTGRES_IMAGE, is_there
from tools.compose_trial.project import PLAIN, PROJECT, PROXIED, Deployment
from tools.compose_trial.shell import must
from tools.compose_trial.tree import Tree


def next_postgres(it: Deployment) -> None:
    """D7: from Postgres 17 to 18, with the commands of docs/deployment.md, back, and on without the old data."""
    if not is_there(NEXT_POSTGRES_IMAGE):
        it.write(f"left out: there is no image {NEXT_POSTGRES_IMAGE}")
        return
    dump, restore = (
        doc_blocks.blocks("deployment.md", mark=mark)[0].rstrip()
        for mark in ("postgres-dump", "postgres-restore")
    )
    it.form(PROXIED if it.proxy else PLAIN)
    before = it.ask("GET", "/api/bot/status").json()["revision"]
    it.run(dump)
    _take_next(it.tree)
    it.run(restore)
    _goes_on(it, "18", before)
    it.run("script/upgrade", show=1)
    it.run("docker compose down")
    it.tree.check_out()
    it.run("docker compose up --build --detach --wait")
    _goes_on(it, "17", before)
    it.run("docker compose down")
    _take_next(it.tree)
    it.run("docker compose up --build --detach --wait")
    # as the page has it, where the project is called pitboss
    it.run(f"docker volume rm {PROJECT}_postgres")
    _goes_on(it, "18", before)
    must(f"{PROJECT}_postgres" not in it.volumes(), "the old data are still there")


def _take_next(tree: Tree) -> None:
    """The release with the next major, as docs/deployment.md makes one of this."""
    tree.change("docker-compose.yml", f"image: {POSTGRES_IMAGE}", f"image: {NEXT_POSTGRES_IMAGE}")
    tree.change("docker-compose.yml", "postgres:/var/lib/postgresql/data", "postgres18:/var/lib/postgresql")
    tree.change("docker-compose.yml", "\n  postgres: {}\n", "\n  postgres18: {}\n")


def _goes_on(it: Deployment, major: str, revision: int) -> None:
    """It serves with this major of Postgres, and with the log that was there."""
    it.wait_serving()
    version = it.run(
        "docker compose exec -T postgres psql --username=pitboss pitboss --tuples-only -c 'SHOW server_version'",
        show=1,
    )
    found = it.ask("GET", "/api/bot/status").json()["revision"]
    it.write(f"# revision before: {revision}, after: {found}")
    must(version.strip().startswith(major) and found == revision, "the log is not what it was")
