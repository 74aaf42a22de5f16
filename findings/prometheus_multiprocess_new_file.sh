#!/bin/sh
# While one process makes its file of metrics, reading the metrics of all fails.
#
# prometheus_client opens a process's file, and gives it a length with the next call. A reading between the two meets a file of no length, and
# struct.error ends it, for all processes. The file here is what the first of the two calls leaves.
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
import struct
import tempfile
from importlib.metadata import version

os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory = tempfile.mkdtemp(dir=".")
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

print("prometheus_client", version("prometheus_client"))
Counter("sales", "An ordinary one").inc(3)
registry = CollectorRegistry()
MultiProcessCollector(registry)
before = b"sales_total 3.0" in generate_latest(registry)
open(os.path.join(directory, "counter_1.db"), "a+b").close()  # as MmapedDict does before it truncates
try:
    generate_latest(registry)
    result = "read"
except struct.error as error:
    result = f"struct.error: {error}"
print("with one process:", "read" if before else "not read")
print("while another begins:", result)
raise SystemExit(not before or not result.startswith("struct.error"))
END
env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
