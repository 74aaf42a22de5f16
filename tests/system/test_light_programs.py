"""What each program loads: memory that it does not need is memory that a small machine does not have.

Each is asked in a process of its own, without connections: nothing here needs a server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.stack import ROOT

#: Packages of 10 MiB and more, that only some programs need.
HEAVY = (
    "pydantic",
    "sqlalchemy",
    "holidays",
    "apprise",
    "flask",
    "rich",
    "pygments",
    "redis",
    "requests",
    "valkey",
)
DATABASE = "postgresql://pitboss@127.0.0.1:1/pitboss"
PROBE = f"""
import gc, json, sys, threading
loaded = sorted(name for name in {HEAVY!r} if name in sys.modules)
print(json.dumps({{"loaded": loaded, "frozen": gc.get_freeze_count() > 0, "threads": threading.active_count(), **found}}))
"""


def probe(script: str, **env: str) -> dict[str, Any]:
    """What a process that ran *script*, which leaves *found* behind, has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nfound = {{}}\n{script}\n{PROBE}"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATA_DIR": "/nonexistent",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            **env,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_beat_and_flower_know_every_task_and_load_nothing_that_a_task_works_with() -> None:
    found = probe(
        "from worker import app; app.loader.import_default_modules(); app.finalize()\n"
        "from worker.beat import Scheduler\n"
        "found['tasks'] = sorted(name for name in app.tasks if name.startswith('bot.'))"
    )
    assert found["loaded"] == ["pydantic", "redis"]
    assert {"bot.kill", "bot.start", "bot.flatten", "bot.beat_lives"} <= set(found["tasks"])


@pytest.mark.parametrize("name", ["worker", "beat", "flower"])
def test_a_program_of_celerys_loads_its_own_command_and_no_other(name: str) -> None:
    found = probe(
        "import importlib, worker.__main__ as program\n"
        f"importlib.import_module(program.PROGRAMS[{name!r}])\n"
        "found['others'] = sorted({'prompt_toolkit', 'tornado', 'celery.bin.celery'} & set(__import__('sys').modules))"
    )
    assert found["others"] == (["tornado"] if name == "flower" else [])
    assert "pygments" not in found["loaded"]


@pytest.mark.parametrize("name", ["worker", "beat", "flower"])
def test_a_program_of_celerys_loads_neither_yaml_nor_msgpack_in_which_no_message_is_taken(name: str) -> None:
    found = probe(
        "import importlib, importlib.util, worker.__main__ as program\n"
        f"importlib.import_module(program.PROGRAMS[{name!r}])\n"
        "from worker import app, startup; app.loader.import_default_modules(); app.finalize()\n"
        f"{name!r} == 'worker' and startup.load()\n"
        "found['formats'] = sorted({'yaml', 'msgpack'} & set(sys.modules))\n"
        "found['could'] = importlib.util.find_spec('yaml') is not None",
        DATABASE_URL=DATABASE,
    )
    assert found["could"], "where YAML is not installed this shows nothing"
    assert found["formats"] == []


def test_help_names_the_programs_and_the_way_to_celerys_other_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "worker", "--help"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": "/nonexistent", "REDIS_URL": "redis://127.0.0.1:1/0"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "python -m celery -A worker" in done.stdout
    assert {"worker", "beat", "flower"} <= {
        line.split()[0] for line in done.stdout.splitlines() if line.strip()
    }


def test_a_worker_has_loaded_what_its_tasks_need_before_its_pool_forks_and_runs_no_thread_yet() -> None:
    found = probe(
        "from worker import app; app.loader.import_default_modules(); app.finalize()\n"
        "from worker import startup; startup.load()\n"
        "found['ready'] = {'worker.background', 'bot.commands.controller'} <= set(sys.modules)\n"
        "from worker import context; before = set(sys.modules); context._of_process(-1)\n"
        "found['later'] = sorted(set(sys.modules) - before)",
        DATABASE_URL=DATABASE,
    )
    assert (found["ready"], found["frozen"], found["threads"]) == (True, True, 1)
    assert found["later"] == [], "what the child would load for itself"
    assert "holidays" not in found["loaded"]


def test_web_has_loaded_its_modules_before_it_forks_and_runs_no_thread_and_has_no_application_yet() -> None:
    found = probe(
        "import runpy; conf = runpy.run_path('web/gunicorn_conf.py'); conf['_load'](); conf['on_exit'](None)\n"
        "found['ready'] = 'web.app' in sys.modules\n"
        "found['made'] = 'web.wsgi' in sys.modules\n"
        "from web.app import create_app; before = set(sys.modules); create_app()\n"
        "found['later'] = sorted(set(sys.modules) - before)",
        DATABASE_URL=DATABASE,
        API_TOKENS="alice:operator:light-programs-token-of-a-test-3f9a",
    )
    assert (found["ready"], found["made"], found["frozen"], found["threads"]) == (True, False, True, 1)
    assert found["later"] == [], "what each process would load for itself"
    assert not {"holidays", "apprise", "rich"} & set(found["loaded"])


def test_the_sandbox_loads_no_calendar_library() -> None:
    script = (
        "import datetime, sandbox.__main__\n"
        "from sandbox.calendar import session\n"
        "found['open'] = session(datetime.date(2026, 11, 27)) is not None"
    )
    found = probe(script)
    assert (found["open"], "holidays" in found["loaded"]) == (True, False)


@pytest.mark.parametrize("module", ["launcher.__main__", "launcher.embedded"])
def test_the_launcher_loads_no_client_library_of_its_servers_and_nothing_that_only_its_checks_need(
    module: str,
) -> None:
    assert probe(f"import {module}")["loaded"] == []


def test_the_guard_loads_little_more_than_python_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "importtime", str(ROOT / "launcher" / "reaper.py")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "signal" in loaded
    assert not {"subprocess", "pathlib", "typing", "threading"} & loaded
