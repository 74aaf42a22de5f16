"""The form for a machine with 1 GB."""

from tools.compose_trial.first_start import show_memory
from tools.compose_trial.project import SMALL, Deployment
from tools.compose_trial.shell import must

_LEFT_OUT = {"standby", "flower", "proxy"}


def small_form(it: Deployment) -> None:
    """D6: the small form by .env, its memory at rest and under load, and an upgrade that keeps it."""
    it.form(SMALL)
    it.run("docker compose up --detach --wait --remove-orphans")
    it.wait_serving()
    must(not _LEFT_OUT & it.services(), "more runs than should")
    show_memory(it, 1024)
    with it.watched("commands for 20 s", all_answered=True) as load:
        load.wait_for(300)
    with it.watched("kills", "kill", all_answered=True) as load:
        load.wait_for(100)
    show_memory(it, 1024)
    it.ask("POST", "/api/bot/rearm")
    with it.watched("an upgrade"):
        it.run("script/upgrade --without-dump", show=1)
    must(not _LEFT_OUT & it.services(), "the upgrade has started more")
    ended = it.run(
        "docker inspect --format '{{.State.OOMKilled}} {{.RestartCount}} {{.Name}}' $(docker compose ps --all --quiet)",
        show=8,
    )
    must(
        all(line.startswith("false 0 ") for line in ended.splitlines()),
        "something was ended for lack of memory",
    )
