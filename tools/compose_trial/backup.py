"""A backup is taken and put back, and the data survive what they should."""

import requests

from tools import doc_blocks
from tools.compose_trial.project import STRICT, Deployment
from tools.compose_trial.shell import must


def backup_mode(it: Deployment) -> None:
    """D8: the dump of docs/backup.md can be read by nobody else."""
    _dump(it)
    mode = it.run("umask; stat -c %a pitboss.dump", show=2).splitlines()[-1]
    must(mode == "600", "others can read the dump")


def restores_a_backup(it: Deployment) -> None:
    """D2: a backup of a bot that ran is put back with the commands of docs/backup.md, with PITBOSS_SITE set."""
    if it.proxy:
        # a name that needs no certificate from elsewhere
        it.setting("PITBOSS_SITE", "https://localhost")
        it.run("docker compose up --detach --wait")
        it.wait_serving()
        secured = requests.get(
            f"https://localhost:{it.https_port}/healthz",
            timeout=10,
            verify=False,  # noqa: S501 - signed by itself
        )
        it.write(f"GET https://localhost/healthz → {secured.status_code}")
    for path in ("stop", "rearm", "start"):
        it.ask("POST", f"/api/bot/{path}")
    before = it.ask("GET", "/api/bot/status").json()
    must(before["state"] == "running", "the bot does not run")
    _dump(it)
    change = {"maxConcurrentPositions": 4}
    after = [it.ask("PATCH", "/api/bot/config", json=change).json()["revision"] for _ in range(2)]
    it.run(STRICT + "\n".join(doc_blocks.blocks("backup.md", mark="compose-restore")).rstrip())
    (it.directory / "pitboss.dump").unlink()
    it.wait_serving()
    status = it.ask("GET", "/api/bot/status").json()
    command = it.ask("GET", "/api/bot/commands?limit=1&kind=kill").json()["items"][0]
    it.write(
        f"# revision at the dump: {before['revision']} ({before['state']}), before the restore: {after[-1]},"
        f" after it: {command['revision']} ({command['kind']}, reason: {command['reason']}); now {status['state']}"
    )
    must(command["revision"] == before["revision"] + 1, "the log is not the one of the dump")
    must(status["state"] == "stopped", "the bot of the dump runs again")
    it.setting("PITBOSS_SITE", "")


def keeps_its_data(it: Deployment) -> None:
    """The volumes survive `down`."""
    before = it.ask("GET", "/api/bot/status").json()["revision"]
    it.run("docker compose down")
    it.run("docker compose up --detach --wait")
    it.wait_serving()
    after = it.ask("GET", "/api/bot/status").json()["revision"]
    it.write(f"# revision before: {before}, after: {after}")
    must(before == after, "the log is not what it was")


def _dump(it: Deployment) -> None:
    it.run(STRICT + "\n".join(doc_blocks.blocks("backup.md", mark="compose-dump")).rstrip())
