"""The end of a process of web."""

from __future__ import annotations

import runpy
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.bot.world import settings_for
from tests.support.client import API_TOKENS
from tests.support.waiting import wait_for
from web.app import create_app, start


def test_its_threads_end_before_python_takes_its_modules_apart(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("API_TOKENS", API_TOKENS)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    settings = settings_for(
        database_url,
        redis_url=redis_url,
        api_tokens=API_TOKENS,
        secret_key="a-secret-key-of-the-tests",
        alert_urls="json://127.0.0.1:1",
    )
    before = set(threading.enumerate())
    app = create_app(settings)
    start(app)

    def names() -> set[str]:
        return {each.name for each in set(threading.enumerate()) - before if each.is_alive()}

    wait_for(lambda: {"outcomes", "access", "publisher", "flatten", "streams"} <= names(), 15, "they run")
    hooks = runpy.run_path("web/gunicorn_conf.py")
    hooks["worker_exit"](None, SimpleNamespace(app=SimpleNamespace(callable=app)))
    assert names() == set()
    hooks["worker_exit"](
        None, SimpleNamespace(app=SimpleNamespace(callable=None))
    )  # one that could not start
