"""From the simulated account to keys of one that is not."""

from tools.compose_trial.project import PLAIN, Deployment
from tools.compose_trial.shell import must

_FILE = "docker-compose.broker.yml"
_HOST = "paper-api.alpaca.markets"
#: Stands in for Alpaca under its own name, in the project's network only.
_BROKER = f"""services:
  broker:
    image: pitboss:${{PITBOSS_TAG}}
    pull_policy: never
    command: [python, -m, sandbox, --host, 0.0.0.0, --port, "9000"]
    networks: {{inside: {{aliases: [{_HOST}]}}}}
    tmpfs: [/tmp]
    healthcheck: {{test: [CMD, /app/deploy/healthy, sandbox], interval: 2s}}
    depends_on: {{migrate: {{condition: service_completed_successfully}}}}
  web: &needs {{depends_on: {{broker: {{condition: service_healthy}}}}}}
  worker: *needs
  standby: *needs
"""


def another_account(it: Deployment) -> None:
    """Keys of an account in place of the simulated one; a database that was bound to that one is made anew."""
    (it.directory / _FILE).write_text(_BROKER)
    it.form(f"{PLAIN}:{_FILE}")
    it.run("docker compose up --detach --wait --remove-orphans")
    it.wait_serving()
    must("sandbox" in it.services(), "the simulated account does not run")
    it.write(f"# in this network only, {_HOST} is a stand-in for Alpaca")
    it.run("printf '%s' PKTRIAL | script/secrets set alpaca_paper_api_key")
    it.run("printf '%s' secret-of-the-trial | script/secrets set alpaca_paper_api_secret")
    it.setting("ALPACA_PAPER_URL", f"http://{_HOST}:9000")
    it.run("docker compose --profile sandbox rm --stop --force sandbox")
    it.run("docker compose up --detach --wait --force-recreate")
    it.wait_serving()
    must("sandbox" not in it.services(), "the simulated account still runs")
    it.wait_for(lambda: _reconciled(it)[1] == "account_mismatch", "it notices the other account")
    _show(it)
    it.run("docker compose down --volumes")
    it.run("docker compose up --build --detach --wait")
    it.wait_serving()
    it.ask("POST", "/api/bot/start")
    it.wait_for(lambda: _reconciled(it) == ("ok", None), "it agrees with the new account")
    _show(it)
    status = it.ask("GET", "/api/bot/status").json()
    must(not status["sandbox"] and "not_reconciled" not in status["reasons"], str(status["reasons"]))


def _show(it: Deployment) -> None:
    status = it.ask("GET", "/api/bot/status").json()
    outcome, code = _reconciled(it)
    it.write(
        f"GET /api/bot/status → sandbox: {status['sandbox']}, last reconciliation: {outcome}{f' ({code})' if code else ''}"
    )


def _reconciled(it: Deployment) -> tuple[str, str | None]:
    """The outcome of the last reconciliation, and why it failed."""
    last = it.ask("GET", "/api/bot/status").json()["reconciliation"] or {}
    return last.get("outcome", ""), last.get("errorCode")
