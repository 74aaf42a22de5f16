#!/bin/sh
# alpaca-py's market calendar has times without a zone, its clock has times with one, and the two cannot be compared.
#
# Alpaca's calendar says 13:00 and means New York. The model makes a naive datetime of it: on a server in UTC the market would
# close at 13:00 UTC, eight in the morning, and a comparison with the clock's next_close is a TypeError. The session's own times
# (session_open, session_close) and the settlement date are dropped.
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
env/bin/python -m pip install -qq --only-binary :all: alpaca-py==0.44.0
cat >seen.py <<'END'
from importlib.metadata import version

from alpaca.trading.models import Calendar, Clock

print("alpaca-py", version("alpaca-py"))
day = Calendar(
    **{"date": "2026-11-27", "open": "09:30", "close": "13:00"},
    **{"session_open": "0400", "session_close": "1700", "settlement_date": "2026-11-30"},
)
clock = Clock(
    **{"timestamp": "2026-11-27T12:00:00-05:00", "is_open": True},
    **{"next_open": "2026-11-30T09:30:00-05:00", "next_close": "2026-11-27T13:00:00-05:00"},
)
try:
    comparison = str(clock.next_close <= day.close)
except TypeError as error:
    comparison = f"TypeError: {error}"
kept = sorted(day.model_dump())
print("calendar:", repr(day.close))
print("clock:", repr(clock.next_close))
print("compared:", comparison)
print("kept of the calendar:", kept)
raise SystemExit(
    day.close.tzinfo is not None
    or clock.next_close.utcoffset() is None
    or not comparison.startswith("TypeError")
    or kept != ["close", "date", "open"]
)
END

env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
