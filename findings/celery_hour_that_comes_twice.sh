#!/bin/sh
# Celery's crontab leaves an hour out on the day on which the clocks go back.
#
# An entry for every full half hour past (minute=30) in New York is driven through 1 November 2026 as beat does it: ask whether it
# is due, sleep as long as it says. 01:30 comes twice that night. The entry fires at the first and next at 02:30, two hours later: an
# hourly task pauses for two hours. In spring, when 02:30 does not exist, nothing is amiss.
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
env/bin/python -m pip install -qq --only-binary :all: celery==5.7.0 tzdata==2026.6
cat >seen.py <<'END'
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

from celery import Celery
from celery.schedules import crontab

print("celery", version("celery"))
zone = ZoneInfo("America/New_York")
app = Celery()
app.conf.timezone = "America/New_York"


def fired(start):
    now, times = start, []
    hourly = crontab(minute=30, nowfun=lambda: now.astimezone(zone), app=app)
    last = now.astimezone(zone)
    while now < start + timedelta(hours=8):
        due, wait = hourly.is_due(last)
        if due:
            times.append(now)
            last = now.astimezone(zone)
        now += timedelta(seconds=max(1, min(wait, 300)))
    return times


seen = {}
for night in (datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2027, 3, 14, 5, tzinfo=UTC)):
    times = fired(night)
    seen[f"{night:%Y-%m}"] = max(round((b - a).total_seconds() / 3600, 1) for a, b in zip(times, times[1:]))
    print(f"{night:%Y-%m-%d}:", " ".join(f"{time.astimezone(zone):%H:%M%z}" for time in times))
print("longest pause in hours:", seen)
raise SystemExit(seen != {"2026-11": 2.0, "2027-03": 1.0})
END
env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
