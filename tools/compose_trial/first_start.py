"""A clean host comes up, and does what the pages say it does."""

import requests

from tools.compose_trial.project import PROJECT, Deployment
from tools.compose_trial.shell import must


def without_secrets(it: Deployment) -> None:
    """D7: without secrets, compose names the way out."""
    said = it.refused("docker compose up --build --detach --wait")
    must("Run script/secrets once" in said, "it does not say what to do")
    must(not it.containers(), "something was started")


def comes_up(it: Deployment) -> None:
    """A clean host: one command for the secrets, one to come up."""
    it.run("script/secrets", show=8)
    it.run("docker compose up --build --detach --wait")
    it.run(
        "docker compose ps --all --format 'table {{.Service}}\t{{.Image}}\t{{.Status}}\t{{.Ports}}'",
        show=20,
    )


def commands(it: Deployment) -> None:
    """Commands over HTTP; the account is simulated and says so."""
    for path in ("start", "pause", "resume", "stop", "kill", "rearm"):
        body = it.ask("POST", f"/api/bot/{path}").json()
        it.write(f"POST /api/bot/{path} → {body['state']}, revision {body['revision']}")
    status = it.ask("GET", "/api/bot/status").json()
    it.write(
        f"GET /api/bot/status → sandbox: {status['sandbox']}, worker online: {status['worker']['online']}"
    )
    must(status["sandbox"] is True, "the status does not say that the account is simulated")
    must(requests.get(f"{it.url}/api/bot/status", timeout=10).status_code == 401, "no token was needed")
    without, within = it.flower_status(None), it.flower_status(it.secret("flower_login"))
    it.write(f"Flower without its login → {without}, with it → {within}")
    must((without, within) == (401, 200), "Flower's login")


def confined(it: Deployment) -> None:
    """What a process in a container may: no root, no capability, nothing to write to."""
    it.run(
        "docker compose exec -T web sh -c 'id; grep CapEff /proc/self/status; touch /app/x 2>&1; true'",
        show=3,
    )
    it.run(
        "docker inspect --format '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}}'"
        f" {PROJECT}-web-1 {PROJECT}-worker-1 {PROJECT}-postgres-1 {PROJECT}-redis-1",
        show=4,
    )
    outside = it.run(
        f"docker port {PROJECT}-web-1; docker port {PROJECT}-flower-1; docker port {PROJECT}-postgres-1",
        show=4,
    )
    it.run(
        "docker compose exec -T web bash -c 'time /app/deploy/healthy web; time /app/deploy/healthy worker' 2>&1 | grep real",
        show=2,
    )
    must("0.0.0.0" not in outside, "a port is open to the world")  # noqa: S104 - compared, not bound


def memory(it: Deployment) -> None:
    """What each container takes, and what runs in it."""
    show_memory(it)
    said = it.run("docker compose top worker beat flower | grep -o 'python -m .*'", show=6)
    must(all(f"-m worker {each}" in said for each in ("worker", "beat", "flower")), "something else runs")


def show_memory(it: Deployment, limit_mib: float | None = None) -> float:
    """The memory of each container, and its sum in MiB, which is to be below the limit."""
    said = it.run(
        "docker stats --no-stream --format 'table {{.Name}}\t{{.MemUsage}}' $(docker compose ps --quiet)",
        show=14,
    )
    units = {"KiB": 1 / 1024, "MiB": 1, "GiB": 1024}
    used = [line.split()[1] for line in said.splitlines()[1:]]
    total = sum(float(each[:-3]) * units[each[-3:]] for each in used)
    it.write(f"# all containers: {total:.0f} MiB")
    must(limit_mib is None or total < limit_mib, "it is too much")
    return total
