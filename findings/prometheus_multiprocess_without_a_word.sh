#!/bin/sh
# In several processes, three of prometheus_client's metrics are set without an error and shown wrong, or not at all.
#
# With PROMETHEUS_MULTIPROC_DIR, Info and Enum can be made and set, and are in no answer. A gauge with set_function is in the answer, as
# 0, whatever its function says: a queue's length would be told as empty. Its documentation names the limits; the program is not told.
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
env/bin/python -m pip install -qq --only-binary :all: prometheus_client==0.26.0
cat >seen.py <<'END'
import os
import tempfile
from importlib.metadata import version

os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(dir=".")
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Info, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

print("prometheus_client", version("prometheus_client"))
Counter("sales", "An ordinary one").inc(3)
Info("release", "What runs").info({"version": "1.2"})
Enum("state", "What it does", states=["running", "stopped"]).state("running")
Gauge("waiting", "How many wait").set_function(lambda: 7)
registry = CollectorRegistry()
MultiProcessCollector(registry)
answer = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
shown = {line.split("{")[0].split(" ")[0]: float(line.rsplit(" ", 1)[1]) for line in answer}
print(shown)
raise SystemExit(shown != {"sales_total": 3.0, "waiting": 0.0})
END
env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
