"""Three webs behind the proxy, of which one is killed or frozen."""

import time

import requests

from tools.compose_trial.project import PROXIED, Deployment
from tools.compose_trial.shell import must, shell
from tools.compose_trial.steady_load import Load

#: Asks each web for its metrics as Prometheus does, which looks for all addresses of the name.
_SCRAPE = """export TOKEN={token}
exec <<'END'
import os, socket, urllib.request
for place in sorted({{each[4] for each in socket.getaddrinfo("web", 8000, socket.AF_INET, socket.SOCK_STREAM)}}):
    request = urllib.request.Request("http://%s:%s/metrics" % place, headers={{"Authorization": "Bearer " + os.environ["TOKEN"]}})
    print("GET /metrics of one web →", urllib.request.urlopen(request).status)
END
"""


def scales(it: Deployment) -> None:
    """Three webs behind the proxy, by one command, and by .env for good."""
    it.run(
        "docker compose -f docker-compose.yml -f docker-compose.proxy.yml up --detach --wait --scale web=3"
    )
    before = it.containers()
    it.form(PROXIED)
    it.run("docker compose up --detach --wait")
    must(it.containers() == before, "what .env says is not what the command did")
    it.run("docker compose ps --format 'table {{.Service}}\t{{.Status}}\t{{.Ports}}' web proxy", show=6)
    it.wait_serving()
    scraped = it.run(
        "docker compose exec -T -e TOKEN standby python -", before=_SCRAPE.format(token=it.token), show=3
    )
    must(scraped.count(" → 200") == 3, "Prometheus would not find all webs")
    with requests.get(f"{it.url}/api/bot/events", headers=it.login, stream=True, timeout=10) as stream:
        began = time.monotonic()
        first = next(line for line in stream.iter_lines() if line.startswith(b"event:"))
        it.write(
            f"GET /api/bot/events through the proxy → {first.decode()} after {time.monotonic() - began:.2f} s"
        )


def frozen_web(it: Deployment) -> None:
    """D3: one of three webs is frozen while kills arrive: none is lost."""
    frozen = it.containers("web", shown=".Names")[1]
    with it.watched("one of three webs is frozen for 20 s", "kill", all_answered=True) as load:
        time.sleep(3)
        it.run(f"docker pause {frozen}")
        time.sleep(20)
        it.run(f"docker unpause {frozen}")
    _all_applied(load)
    it.ask("POST", "/api/bot/rearm")
    it.write("# other commands are given up after 15 s; with its key, each can be sent again")
    with it.watched("the same with other commands"):
        time.sleep(3)
        shell(f"docker pause {frozen}", it.env)
        time.sleep(20)
        shell(f"docker unpause {frozen}", it.env)


def killed_web(it: Deployment) -> None:
    """D4: kills with a key and a reason while a web is killed, each of three in turn: none is lost."""
    with it.watched("each of three webs is killed", "kill", all_answered=True) as load:
        for name in it.containers("web", shown=".Names"):
            time.sleep(3)
            it.run(f"docker kill {name}")
            it.run("docker compose up --detach --wait --no-recreate")
        time.sleep(2)
    _all_applied(load)
    it.ask("POST", "/api/bot/rearm")
    with it.watched("the same once, with other commands"):
        time.sleep(3)
        it.run(f"docker kill {it.containers('web', shown='.Names')[1]}")
        time.sleep(3)
        it.run("docker compose up --detach --wait --no-recreate")


def _all_applied(load: Load) -> None:
    must(set(load.answers) == {"200"}, f"not every kill was answered with 200: {dict(load.answers)}")
