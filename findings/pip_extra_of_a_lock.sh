#!/bin/sh
# pip before 23.3 resolves `package[extra]`, asked for by a dependency, anew although a lock with hashes pins `package`.
#
# apiflask 3.1.2 asks for pydantic[email]. The lock pins pydantic 2.14.3, email-validator and everything else, all with
# hashes. pip 23.2.1 sees that pydantic[email] is pinned by no line, takes the newest pydantic for it, and stops, since that
# release is not in the lock. pip 23.3 and later take the pinned release for the extra as well. So the same lock installs
# until pydantic has a newer release. With --no-deps both install it.
#
# PYTHON names the interpreter: 3.11 or 3.12, on which both pips run. A package index is needed. Nothing is unpacked.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
cd "$folder"
unset PIP_CONSTRAINT PIP_REQUIREMENT PIP_NO_DEPS PIP_DRY_RUN
export PIP_DISABLE_PIP_VERSION_CHECK=1

"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || {
    echo "set PYTHON to a Python 3.11 or 3.12" >&2
    exit 2
}

"$python" -m venv new
new/bin/python -m pip install -qq pip==23.3
"$python" -m venv old
old/bin/python -m pip install -qq pip==23.2.1

# A complete lock: what the newer pip takes for these two, by name, version and hash.
cat >wanted.txt <<'END'
apiflask==3.1.2
pydantic==2.14.3
END
new/bin/python -m pip install -qq --dry-run --ignore-installed --only-binary :all: --report report.json \
    --requirement wanted.txt
new/bin/python - <<'END' >lock.txt
import json

for each in json.load(open("report.json"))["install"]:
    pin = f"{each['metadata']['name']}=={each['metadata']['version']}"
    print(pin, "--hash=sha256:" + each["download_info"]["archive_info"]["hashes"]["sha256"])
END

# install PIP OPTION…: says how it went, and keeps what was printed.
install() {
    pip=$1
    shift
    if "$pip/bin/python" -m pip install --dry-run --only-binary :all: --require-hashes "$@" \
        --requirement lock.txt >"$pip.out" 2>&1; then
        echo installs
    else
        echo stops
    fi
}

seen="old pip without dependencies: $(install old --no-deps); old pip: $(install old)"
reason=$(sed -n 's/^ *\(pydantic\[email\][^ ]*\) from .*/\1/p' old.out)
seen="$seen; new pip: $(install new)"

"$python" -V
old/bin/python -m pip --version | cut -d ' ' -f 1,2
new/bin/python -m pip --version | cut -d ' ' -f 1,2
grep -c . lock.txt | sed 's/$/ packages in the lock, among them:/'
grep -iE '^(apiflask|pydantic|email.validator)==' lock.txt | cut -d ' ' -f 1
echo "$seen"
echo "what the old pip misses: ${reason:-nothing}"

[ "$seen: $reason" = "old pip without dependencies: installs; old pip: stops; new pip: installs: pydantic[email]>=2.0" ] || {
    cat old.out >&2
    echo "This has changed." >&2
    exit 1
}
