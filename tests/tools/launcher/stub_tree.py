"""A tree with the real `launcher`, `bot` and `sandbox`, and the smallest web and worker that can be run.

The launcher is proved on it: what web and worker do is not its business, and the stubs can be told to misbehave.
"""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

WEB = '''
import os, pathlib, sys
from flask import Flask, jsonify

online = pathlib.Path(os.environ["DATA_DIR"]) / "stub-worker-online"

def create_app():
    app = Flask("web")

    @app.cli.group("db")
    def database():
        """As Flask-Migrate."""

    @database.command("upgrade")
    def upgrade():
        if "no-migration" in os.environ.get("MISBEHAVE", ""):
            sys.exit("the migration went wrong")
        online.unlink(missing_ok=True)

    @app.get("/readyz")
    def ready():
        return jsonify({})

    @app.get("/api/bot/status")
    def status():
        return jsonify({"worker": {"online": online.exists()}})

    return app
'''

GUNICORN = """
import os
bind = f"{os.environ['HOST'] if 'HOST' in os.environ else '127.0.0.1'}:{os.environ.get('PORT', '8000')}"
threads = 2
"""

WORKER = """
import os, sys
from celery import Celery
from celery.signals import worker_ready

misbehaviour = os.environ.get("MISBEHAVE", "") if sys.argv[1:2] == ["worker"] else ""
if misbehaviour == "no-worker":
    sys.exit("the worker does not want to")
app = Celery("worker", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.worker_concurrency = 1

@worker_ready.connect
def come_online(**_):
    open(os.environ["DATA_DIR"] + "/stub-worker-online", "w").close()
    if misbehaviour == "stubborn-worker":
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf", flush=True)
"""


def plant(directory: Path) -> Path:
    """Writes the tree into an empty directory."""
    for package in ("launcher", "bot", "sandbox"):
        shutil.copytree(ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in {
        "web/__init__.py": WEB,
        "web/wsgi.py": "from web import create_app\napp = create_app()\n",
        "web/gunicorn_conf.py": GUNICORN,
        "worker/__init__.py": WORKER,
        "worker/__main__.py": (ROOT / "worker" / "__main__.py").read_text(),
    }.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    return directory
