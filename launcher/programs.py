"""The programs that make up Pitboss on one machine."""

import signal
import sys
from collections.abc import Mapping, Set
from pathlib import Path

from bot.settings.server_env import NO_SERVER_ENV
from launcher import ports
from launcher.console import Console
from launcher.process import Process, StopOrder, StopStep
from launcher.reaper import Guard

ROOT = Path(__file__).resolve().parent.parent


#: What only some need; the others are started without.
_OWNER = {"DATABASE_OWNER_URL", "DATABASE_READ_URL"}
_DATABASE = {"DATABASE_URL"}
_LOGINS = {"API_TOKENS", "SECRET_KEY"}
_FLOWER = {"FLOWER_BASIC_AUTH"}
_BROKER = {f"ALPACA_{mode}_{part}" for mode in ("PAPER", "LIVE") for part in ("API_KEY", "API_SECRET")}
_ALERTS = {"ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET", "ALERT_URLS"}
_QUEUE = {"REDIS_URL", "QUEUE_URL", "REDIS_SENTINEL_PASSWORD"}
_SECRETS = _OWNER | _DATABASE | _LOGINS | _FLOWER | _BROKER | _ALERTS | _QUEUE


class Parts:
    """Makes each part's process; all share one console and guard, and one environment but for secrets that they do not use."""

    def __init__(self, env: Mapping[str, str], data_dir: Path, console: Console, guard: Guard) -> None:
        self._env = env
        self._data_dir = data_dir
        self._console = console
        self._guard = guard

    def migration(self) -> Process:
        """Runs once, before the application; its output is of interest only if it fails."""
        log = self._data_dir / "migration.log"
        log.unlink(missing_ok=True)
        return self._process(
            *("migrate", "flask", "--app", "web", "db", "upgrade"),
            log=log,
            env=self._with(_OWNER | _DATABASE | _QUEUE),
        )

    def sandbox(self, port: int, *, walk: bool = False) -> Process:
        """With *walk* its prices drift, so that there is something to win and to lose."""
        state = self._data_dir / "sandbox.json"
        return self._process(
            *("sandbox", "sandbox", "--host", ports.LOOPBACK, "--port", str(port), "--state", str(state)),
            *(["--walk"] if walk else []),
            stop_order=StopOrder.SANDBOX,
            env=self._with(set()),
        )

    def application(self, flower_port: int) -> list[Process]:
        """What runs above the servers. A further program of the bot is one more line here."""
        (self._data_dir / "beat").mkdir(exist_ok=True)
        return [
            # Its own patience with requests that wait for an outcome is 12 s.
            self._process(
                *("web", "gunicorn", "-c", "web/gunicorn_conf.py", "web.wsgi:app"),
                patience_sec=13,
                env=self._with(_DATABASE | _LOGINS | _BROKER | _ALERTS | _QUEUE),
            ),
            # Gossip and mingle cost a second at the start and serve clusters of workers.
            self._celery("worker", secrets=_DATABASE | _BROKER | _ALERTS | _QUEUE),
            # No pid file: the supervisor sees to it that there is one beat, and a stale file would keep it from starting.
            self._celery(
                *("beat", "--schedule", str(self._data_dir / "beat" / "schedule"), "--pidfile="),
                secrets=_QUEUE,
            ),
            # Whoever reaches Flower can run any task: loopback only, and its password comes in the environment.
            # It asks the worker before that is up, and warns; its errors are what matters.
            # It looks and does nothing, unless FLOWER_READ_ONLY, which it reads itself, says otherwise; what it remembers has an end.
            self._celery(
                *("flower", f"--address={ports.LOOPBACK}", f"--port={flower_port}", "--logging=error"),
                "--max_tasks=5000",
                secrets=_QUEUE | _FLOWER,
            ),
        ]

    def demo(self, web_address: str, token: str) -> Process:
        """The example bot. It gets what it needs, and neither the operator's token nor the databases' passwords."""
        names = (
            "PATH",
            "PYTHONUNBUFFERED",
            "ALPACA_PAPER_URL",
            "ALPACA_PAPER_API_KEY",
            "ALPACA_PAPER_API_SECRET",
        )
        env = {name: self._env[name] for name in names if name in self._env}
        env |= {"PITBOSS_URL": web_address, "PITBOSS_TOKEN": token}
        return self._process("demo", "examples.demo_bot", env=env)

    def _celery(self, command: str, *options: str, secrets: Set[str]) -> Process:
        return self._process(command, "worker", command, *options, env=self._with(secrets))

    def _with(self, secrets: Set[str]) -> Mapping[str, str]:
        """The environment, with these secrets and no others."""
        allowed = {
            name: value for name, value in self._env.items() if name not in _SECRETS or name in secrets
        }
        return {**allowed, NO_SERVER_ENV: "1"}

    def _process(
        self,
        name: str,
        module: str,
        *arguments: str,
        log: Path | None = None,
        stop_order: StopOrder = StopOrder.APPLICATION,
        patience_sec: float = 8,
        env: Mapping[str, str],
    ) -> Process:
        # `python -m` works in a moved directory, too; the scripts in .venv/bin name the place they were made in.
        return Process(
            name=name,
            command=[sys.executable, "-m", module, *arguments],
            env=env,
            cwd=ROOT,
            log=log,
            stop_order=stop_order,
            stop_steps=(StopStep(signal.SIGTERM, patience_sec), StopStep(signal.SIGKILL, 0)),
            guard=self._guard,
            console=self._console,
        )
