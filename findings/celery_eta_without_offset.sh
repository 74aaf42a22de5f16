#!/bin/sh
# Celery's timezone does not count for an eta that has no offset: the worker takes it for UTC.
#
# The app's timezone is America/New_York, which its schedules and the times of its own messages follow: a countdown is written with
# New York's offset. An eta without an offset goes into the message as it is, and the worker reads it as UTC. So a task for 15:45
# is run at 10:45 or 11:45 in New York.
#
# PYTHON names the interpreter: 3.11 or later. A package index is needed.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
cd "$folder"
unset PIP_CONSTRAINT PIP_REQUIREMENT
export PIP_DISABLE_PIP_VERSION_CHECK=1

"$python" -m venv env
env/bin/python -m pip install -qq --only-binary :all: celery==5.7.0 kombu==5.7.0 tzdata==2026.6
cat >seen.py <<'END'
import time
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.signals import before_task_publish

print("celery", version("celery"), "kombu", version("kombu"))
app = Celery(broker="memory://", backend="cache+memory://")
app.conf.update(timezone="America/New_York", enable_utc=True)
written, ran = {}, {}


@before_task_publish.connect
def note(headers=None, **_):
    written[headers["id"]] = headers["eta"]


@app.task(name="note_time")
def note_time(name):
    ran[name] = datetime.now(UTC)


began = datetime.now(UTC)
in_new_york = (began.astimezone(ZoneInfo("America/New_York")) + timedelta(hours=1)).replace(tzinfo=None)
in_utc = (began + timedelta(hours=1)).replace(tzinfo=None)
with start_worker(app, pool="solo", perform_ping_check=False):
    counted = note_time.apply_async(("a countdown",), countdown=1)
    note_time.apply_async(("in an hour, as New York writes it",), eta=in_new_york)
    note_time.apply_async(("in an hour, as UTC writes it",), eta=in_utc)
    deadline = datetime.now(UTC) + timedelta(seconds=60)
    while len(ran) < 2 and datetime.now(UTC) < deadline:
        time.sleep(0.1)
print("a countdown is written as", written[counted.id][-6:])
print("run within a minute:", sorted(ran))
raise SystemExit(
    written[counted.id][-6:] not in ("-05:00", "-04:00")
    or sorted(ran) != ["a countdown", "in an hour, as New York writes it"]
)
END
env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
