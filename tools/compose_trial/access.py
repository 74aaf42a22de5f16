"""Roles in the database, two people for one command, and alerts to a receiver, in containers as they are deployed."""

from tools.compose_trial.project import PROJECT, Deployment
from tools.compose_trial.shell import must, shell

#: Somebody who receives alerts, in a container of the project's network, and writes down what came.
_RECEIVER = """
import http.server
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        print(self.path, "signed" if self.headers.get("webhook-signature") else "unsigned", body, flush=True)
        self.send_response(204)
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.HTTPServer(("", 9009), Receiver).serve_forever()
"""
_DIRECTORY = "SECRETS_DIR=secrets\n"  # as .env has it
#: Those that docs/backup.md has made anew by script/secrets.
_CAN_BE_LOST = (
    "redis_password",
    "flower_login",
    "secret_key",
    "database_url",
    "database_read_url",
    "api_tokens",
)
_RECEIVES = f"{PROJECT}-receiver"
_REASON = "an alert of the trial"


def roles(it: Deployment) -> None:
    """What each role may do in the database."""
    for name, statement, may in (
        ("database_url", "DELETE FROM bot_command", False),
        ("database_url", "ALTER TABLE bot_command DISABLE TRIGGER ALL", False),
        ("database_read_url", "SELECT 1 FROM bot_config WHERE revision > 0", True),
        ("database_read_url", "UPDATE bot_config SET state = 'running'", False),
    ):
        if may:
            it.run(_psql(name, statement), before=_DIRECTORY, show=1)
        else:
            said = it.refused(_psql(name, statement), before=_DIRECTORY, show=1)
            must("permission denied" in said or "must be owner" in said, said)


def two_people(it: Deployment) -> None:
    """A command that needs a second person, with `APPROVALS` in .env."""
    second = "second-operator-of-the-trial"
    tokens = it.secret("api_tokens")
    it.run(
        "printf '%s' \"$TOKENS\" | script/secrets set api_tokens",
        before=f"TOKENS='{tokens},ann:operator:{second}'\n",
    )
    it.setting("APPROVALS", "flatten,update_config:raise")
    it.run("docker compose up --detach --wait")
    it.run("docker compose up --detach --force-recreate web")
    it.wait_serving()
    asked = it.ask("PATCH", "/api/bot/config", json={"dailyLossLimitUsd": 5000}).json()
    own = it.ask("POST", f"/api/bot/commands/{asked['commandId']}/approval").json()
    approved = it.ask("POST", f"/api/bot/commands/{asked['commandId']}/approval", token=second).json()
    it.write(f"PATCH /api/bot/config → {asked['status']}")
    it.write(f"its approval by the same operator → {own['code']}; by another one → {approved['status']}")
    must(
        (asked["status"], own["code"], approved["status"]) == ("awaiting_approval", "own_command", "applied"),
        "approval",
    )
    it.setting("APPROVALS", "")


def lost_secrets(it: Deployment) -> None:
    """Secrets that are lost are made anew, with the commands of docs/backup.md."""
    lost = {name: it.secret(name) for name in _CAN_BE_LOST}
    token, login = it.token, lost["flower_login"]
    it.run(f"cd secrets && rm --force {' '.join(_CAN_BE_LOST)}")
    it.run("script/secrets")
    must(all(it.secret(name) not in ("", lost[name]) for name in _CAN_BE_LOST), "one was not made anew")
    it.run("docker compose up -d --force-recreate")
    it.wait_serving()
    it.wait_for(lambda: it.flower_status(it.secret("flower_login")) == 200, "Flower takes its new login")
    refused = it.ask("GET", "/api/bot/status", token=token).status_code, it.flower_status(login)
    it.write(
        "the token from before → {}; Flower's login from before → {}, the new one → 200".format(*refused)
    )
    must(refused == (401, 401), "what was lost is still taken")
    it.run(_psql("database_read_url", "SELECT state FROM bot_config"), before=_DIRECTORY, show=1)
    with it.watched("with the new secrets of the queue and the database", all_answered=True) as load:
        load.wait_for(50)


def alerts(it: Deployment) -> None:
    """Alerts to a signed webhook and to an address of Apprise, from the containers."""
    (it.directory / "receiver.py").write_text(_RECEIVER)
    it.run(f'docker compose run --detach --no-deps --name {_RECEIVES} worker python -c "$(cat receiver.py)"')
    try:
        it.run(f"printf '%s' http://{_RECEIVES}:9009/webhook | script/secrets set alert_webhook_url")
        it.run(f"printf '%s' json://{_RECEIVES}:9009/apprise | script/secrets set alert_urls")
        it.run("docker compose up --detach --wait --force-recreate web worker standby")
        it.wait_serving()
        asked = it.ask("POST", "/api/bot/alerts/test").json()
        it.write(f"POST /api/bot/alerts/test → {len(asked['destinations'])} destinations")
        it.ask("POST", "/api/bot/kill", json={"reason": _REASON})
        wanted = {"/webhook signed", "/apprise unsigned"}
        it.wait_for(lambda: _received(it) == wanted, "both have received the kill", 90)
        it.write(f"POST /api/bot/kill → received at {', '.join(sorted(wanted))}")
        it.ask("POST", "/api/bot/rearm")
    finally:
        it.run(f"docker rm --force {_RECEIVES}")
    for name in ("alert_webhook_url", "alert_webhook_secret", "alert_urls"):
        it.run(f"script/secrets set {name} </dev/null")
    it.run("docker compose up --detach --wait --force-recreate web worker standby")
    it.wait_serving()


def _received(it: Deployment) -> set[str]:
    """Which destinations the kill has reached."""
    lines = shell(f"docker logs {_RECEIVES}", it.env).stdout.splitlines()
    return {" ".join(line.split()[:2]) for line in lines if _REASON in line}


def _psql(role: str, statement: str) -> str:
    """As one of the roles in the database, by its secret."""
    return (
        f'docker compose exec -T postgres psql "$(cat "$SECRETS_DIR/{role}")" --tuples-only -c "{statement}"'
    )
