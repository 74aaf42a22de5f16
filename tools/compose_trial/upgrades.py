"""Upgrades with script/upgrade while commands arrive: good releases, broken ones, an interrupted one, and the way back."""

import os
import signal
import subprocess
import time

from tools.compose_trial.images import NEXT_POSTGRES_IMAGE
from tools.compose_trial.project import TAGS, Deployment
from tools.compose_trial.shell import TrialError, must, shell
from tools.compose_trial.tree import MARKED

#: A container that never becomes healthy is given up after these seconds; it is 180 by itself.
_PATIENCE = "PITBOSS_UPGRADE_PATIENCE=60"
_STATUS = "docker compose ps --all --format 'table {{.Service}}\t{{.Image}}\t{{.Status}}'"


def upgrade(it: Deployment) -> None:
    """Upgrade to the next release, which brings a migration."""
    it.tree.mark("the next release")
    it.tree.add_migration()
    it.setting("PITBOSS_TAG", TAGS[1])
    with it.watched("image, migrations, webs, standby, worker, the rest"):
        it.run("script/upgrade", show=14)
    it.run(_STATUS, show=14)
    dumps = it.run("stat -c '%a %n' backups/*", show=1)
    must(all(line.startswith("600 ") for line in dumps.splitlines()), "others can read a dump")
    must(_release(it) == "# the next release", "the new image does not run")


def broken_release(it: Deployment) -> None:
    """D1: a release whose web never becomes healthy, one whose worker does not, and an upgrade that is interrupted."""
    before = it.containers()
    it.tree.break_(MARKED)
    with it.watched("a release whose web ends at once", all_answered=True):
        it.refused(f"{_PATIENCE} script/upgrade --without-dump", show=4)
    must(it.containers() == before, "not the containers that were there")
    _runs_again(it, len(before))
    it.tree.check_out()
    it.tree.mark("the next release")
    it.tree.break_("worker/__init__.py")
    with it.watched("a release whose worker ends at once", all_answered=it.proxy):
        it.refused(f"{_PATIENCE} script/upgrade --without-dump", show=7)
    _runs_again(it, len(before))
    it.tree.check_out()
    it.tree.mark("a third release")
    before = it.containers()
    with it.watched("an upgrade that is interrupted while its webs start", all_answered=it.proxy):
        _interrupt(it, len(before))
    if it.proxy:
        must(it.containers() == before, "not the containers that were there")
    _runs_again(it, len(before))
    it.run(_STATUS, show=14)


def goes_back(it: Deployment) -> None:
    """D1: back to the release before, with its checkout."""
    it.tree.check_out()
    it.setting("PITBOSS_TAG", TAGS[0])
    with it.watched("back, while commands arrive"):
        it.run("script/upgrade --without-dump", show=1)
    must(_release(it) not in ("# the next release", "# a third release"), "it still runs the next release")


def applies_a_pull(it: Deployment) -> None:
    """D5: a pull that changes the Caddyfile, the entries of Postgres and the proxy, and brings a new secret."""
    it.tree.change("docker-compose.yml", "max_connections=300", "max_connections=310")
    it.tree.change(
        "docker-compose.yml",
        "      - secret_key\n    # One port",
        "      - secret_key\n      - brought\n    # One port",
    )
    it.tree.change(
        "docker-compose.yml",
        "\n  secret_key: {file:",
        '\n  brought: {file: "${SECRETS_DIR:-./secrets}/brought"}\n  secret_key: {file:',
    )
    it.tree.change(
        "script/secrets",
        'keep secret_key "$(made 48)"',
        'keep secret_key "$(made 48)"\nkeep brought "$(made 8)"',
    )
    if it.proxy:
        it.tree.change("docker-compose.proxy.yml", "memory: 128m", "memory: 144m")
        it.tree.change("deploy/Caddyfile", "\trespond 200", '\trespond "brought" 200')
    with it.watched("all of it is applied"):
        it.run("script/upgrade --without-dump", show=12)
    connections = it.run(
        "docker compose exec -T postgres psql --username=pitboss pitboss --tuples-only -c 'SHOW max_connections'",
        show=1,
    )
    brought = it.run("docker compose exec -T web sh -c 'wc -c </run/secrets/brought'", show=1)
    must((connections.strip(), brought) == ("310", "8"), "Postgres's entry or the secret")
    if it.proxy:
        answer = it.run("docker compose exec -T proxy wget -q -O - http://127.0.0.1:8001/", show=1)
        limit = it.run(
            "docker inspect --format '{{.HostConfig.Memory}}' $(docker compose ps --quiet proxy)", show=1
        )
        must((answer, int(limit)) == ("brought", 144 << 20), "the Caddyfile or the proxy's entry")
    it.tree.check_out()
    it.run("script/upgrade --without-dump")
    it.wait_serving()


def refuses(it: Deployment) -> None:
    """D7: a tag in the shell only, and data of another Postgres: a sentence each, and nothing is changed."""
    before = it.containers()
    said = it.refused("PITBOSS_TAG=another script/upgrade")
    must("Write it into .env, or unset it" in said, said)
    it.tree.change("docker-compose.yml", "image: postgres:17", f"image: {NEXT_POSTGRES_IMAGE}")
    said = it.refused("script/upgrade")
    must("docs/deployment.md says how" in said, said)
    it.tree.check_out()
    must(it.containers() == before, "something was changed")


def _release(it: Deployment) -> str:
    return it.run(f"docker compose exec -T web tail -n 1 {MARKED}", show=1)


def _runs_again(it: Deployment, count: int) -> None:
    """The release from before serves, and nothing else is left."""
    it.wait_serving()
    must(len(it.containers()) == count, "containers are left over, or missing")
    must(_release(it) == "# the next release", "another release runs")
    left = shell(
        "docker image ls --quiet --filter dangling=true --filter label=org.opencontainers.image.title=Pitboss",
        it.env,
    )
    it.write(f"# containers: {count}, images without a name: {len(left.stdout.split())}")


def _interrupt(it: Deployment, count: int) -> None:
    """As Ctrl-C does it, which everything in the foreground hears."""
    command = "script/upgrade --without-dump"
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        env=it.env,
        cwd=it.directory,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 300
    while len(it.containers()) <= count:
        if process.poll() is not None or time.monotonic() > deadline:
            raise TrialError("no new web was started")
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=300)
    it.write(f"$ {command}    # interrupted, status {process.returncode}")
    it.show(said, 1)
    must(process.returncode != 0, "it did not say that it failed")
