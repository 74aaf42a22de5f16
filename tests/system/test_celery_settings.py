"""The settings of Celery on which the promises rest, as the worker and beat have them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.support.stack import ROOT

GUARDS = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "worker_concurrency": 1,
    "worker_pool": "prefork",
    "timezone": "America/New_York",
}
SCRIPT = f"""
import json
from worker import app
from worker.schedule import HOOKS
settings = {{name: app.conf[name] for name in {[*GUARDS]}}}
queues = {{name: app.amqp.router.route({{}}, name)["queue"].name for name in HOOKS}}
print(json.dumps([settings, {{name: str(hook.tz) for name, hook in HOOKS.items()}}, queues]))
"""


def test_a_message_survives_its_worker_commands_go_one_by_one_and_hooks_are_times_of_new_york() -> None:
    """In a process of its own: Celery reads its settings once, from the environment."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATA_DIR": "/nonexistent",
            "DATABASE_URL": "postgresql://pitboss@127.0.0.1:1/pitboss",
            "REDIS_URL": "redis://127.0.0.1:1/0",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    settings, zones, queues = json.loads(done.stdout)
    assert settings == GUARDS
    assert zones == {"bot.daily_reset": "America/New_York", "bot.force_close": "America/New_York"}
    assert queues == {"bot.daily_reset": "celery", "bot.force_close": "halts"}, (
        "a flatten is not kept waiting"
    )
