"""gunicorn's settings for Pitboss."""

import fcntl
import gc
import os
import resource
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from bot.alerts import destinations
from bot.errors import SettingsError
from bot.runtime import logs
from bot.settings.settings import Settings

try:
    _settings = Settings.load()
    # checked here, where it ends the program: a failing worker process would only be started again
    destinations.check(_settings)
except SettingsError as error:
    sys.exit(f"Pitboss cannot start: {error}")
# Connections, event streams and the database's sockets of one process together exceed the 1,024 that is common.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = 8192 if _hard == resource.RLIM_INFINITY else min(8192, _hard)
if _soft != resource.RLIM_INFINITY and _soft < _wanted:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_wanted, _hard))
_MEMORY = "/dev/shm"  # noqa: S108


class LikeAllOthers(Logger):
    """Writes gunicorn's own lines like all others. (logconfig_dict would also do, but switches the access log on.)"""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logs.configure(_settings)


logger_class = LikeAllOthers

bind = f"{_settings.host}:{_settings.port}"
# Two processes: one that dies or hangs leaves kill reachable.
workers = 2
# gthread, whose threads get complete requests only; event streams leave them and are written by one thread of their own,
# and kill, stop and pause have threads of their own.
worker_class = "web.streaming.gunicorn_worker.StreamWorker"
# A request that waits for an outcome only sleeps.
threads = 64
worker_connections = 1000
timeout = 30
# Longer than the longest wait for an outcome, so that a stop answers what it has begun.
graceful_timeout = 12
keepalive = 15
accesslog = None
loglevel = _settings.log_level.lower()
# The heartbeat file of gunicorn's processes must not wait for a busy disk.
worker_tmp_dir = _MEMORY if os.path.isdir(_MEMORY) else None
# Otherwise gunicorn opens a control socket in the home directory, which is not used here.
control_socket_disable = True


# -- metrics: a directory that the processes share (prometheus-client's multiprocess mode) -------------------------
# It is set here, before anything imports prometheus_client, which looks for it at its import.

_PREFIX = "pitboss-metrics-"
_locks: list[int] = []  # held open as long as this process and its children live


def _make_metrics_dir() -> str:
    """Make a new directory in memory, and remove those of runs that were killed with -9."""
    base = Path(worker_tmp_dir or tempfile.gettempdir())
    for left in base.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > 60 and _lock(left) is not None:
                shutil.rmtree(left)
    made = tempfile.mkdtemp(prefix=_PREFIX, dir=base)
    _locks.append(_lock(Path(made)) or -1)
    return made


def _lock(directory: Path) -> int | None:
    """Take the lock on *directory*; None if a living process holds it. It ends with the last process that holds it."""
    descriptor = os.open(directory / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


_made_here: str | None = None
if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    _made_here = os.environ["PROMETHEUS_MULTIPROC_DIR"] = _make_metrics_dir()


def on_starting(server: Any) -> None:
    """Discard the counts of an earlier run, and keep serving if SIGHUP reads settings with an error: otherwise a mistake in a file
    of tokens would leave no way to kill the bot."""
    reload = server.reload

    def reload_if_right() -> None:
        try:
            if not Settings.load().tokens:
                raise SettingsError("API_TOKENS is not set.")
        except SettingsError as error:
            server.log.error("not reloaded, the settings from before stay in force: %s", error)
        else:
            reload()

    server.reload = reload_if_right
    _load()
    for file in Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).glob("*.db"):
        file.unlink(missing_ok=True)


def _load() -> None:
    """Load the modules before the first process is forked: what the processes share is in memory once. (With `preload_app` they
    would share the application as well, and SIGHUP would not make it anew.) Settings, connections and threads are each process's own.

    An application is made and thrown away: what libraries load and compute with the first one, they need not in each process."""
    import celery.app.amqp  # noqa: F401 - otherwise at the first message

    from web.app import create_app

    with suppress(SettingsError):  # each process says it for itself
        create_app(_settings)
    gc.collect()
    gc.freeze()  # a collection in a process would write to what it shares


def worker_exit(server: Any, worker: Any) -> None:
    """End the threads of a process that ends (it calls this itself)."""
    from web.app import stop

    app = worker.app.callable  # None if it could not be made
    if app is not None:
        stop(app)


def child_exit(server: Any, worker: Any) -> None:
    """Forget the gauges of a process that ended; its counters stay in the sums."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    if _made_here is not None:
        shutil.rmtree(_made_here, ignore_errors=True)
