"""The log's way out, from a container."""

import re

from tools import doc_blocks
from tools.compose_trial.project import Deployment
from tools.compose_trial.shell import ROOT, must

#: Nobody else may write so into the log, and no other way makes it old within minutes.
_MADE_OLD = (
    "SET session_replication_role = replica;"
    " UPDATE bot_reconciliation SET finished_at = finished_at - interval '500 days';"
    " UPDATE bot_command SET finished_at = finished_at - interval '500 days' WHERE finished_at IS NOT NULL"
)


def archive(it: Deployment) -> None:
    """What is old is archived into a folder of the host, with the command of docs/scaling.md, and the log goes on."""
    for path in ("start", "stop", "start", "stop"):
        it.ask("POST", f"/api/bot/{path}")
    it.look(f'docker compose exec -T postgres psql --username=pitboss pitboss -c "{_MADE_OLD}"')
    before = it.ask("GET", "/api/bot/status").json()["revision"]
    [command] = [
        each for each in doc_blocks.commands(ROOT / "docs" / "scaling.md") if "-m bot.archive" in each
    ]
    it.write("# the whole log was made 500 days older")
    said = it.run(command, show=4)
    archived = re.search(r"([\d,]+) rows of bot_command", said)
    must(archived is not None, "no command was archived")
    lines = it.run("zcat backups/archive/bot_command-*.jsonl.gz | wc -l", show=1)
    must(archived is not None and int(lines) == int(archived[1].replace(",", "")), "the file has other rows")
    left = it.run(
        "docker compose exec -T postgres psql --username=pitboss pitboss --tuples-only -c 'SELECT count(*) FROM bot_command'",
        show=1,
    )
    after = it.ask("POST", "/api/bot/kill", json={"reason": "after the archive"}).json()["revision"]
    it.write(
        f"# revision before: {before}; rows left: {left.strip()}; the revision of the next command: {after}"
    )
    must(after == before + 1, "the log does not go on where it was")
    it.ask("POST", "/api/bot/rearm")
