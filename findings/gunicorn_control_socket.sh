#!/bin/sh
# gunicorn opens a second way in beside its port: a control socket in the home of whoever runs it.
#
# Told to bind 127.0.0.1 and nothing else, gunicorn 27 also listens at ~/.gunicorn/gunicorn.ctl, over which its workers can be counted, killed
# and reloaded. A container with a read-only home, or two servers of one user, meet it first. control_socket_disable turns it off.
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
env/bin/python -m pip install -qq --only-binary :all: gunicorn==27.0.1
cat >seen.py <<'END'
import os
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

print("gunicorn", version("gunicorn"))
Path("served.py").write_text("def app(environ, start):\n    start('204 No Content', [])\n    return []\n")


def sockets_of(home, *options):
    Path(home).mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "HOME": str(Path(home).resolve())}
    environment.pop("XDG_RUNTIME_DIR", None)
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", *options, "served:app"]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        time.sleep(2)
        return [str(path.relative_to(home)) for path in Path(home).rglob("*") if path.is_socket()]
    finally:
        server.terminate()
        server.wait()


seen = {"as it comes": sockets_of("home"), "disabled": sockets_of("other", "--no-control-socket")}
print(seen)
raise SystemExit(list(seen.values()) != [[".gunicorn/gunicorn.ctl"], []])
END
env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
