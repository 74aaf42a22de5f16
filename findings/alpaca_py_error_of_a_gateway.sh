#!/bin/sh
# Asking alpaca-py's APIError for its code raises another exception where a gateway answered, and not Alpaca.
#
# A load balancer's 502 is a page of HTML. alpaca-py raises its APIError, as documented; but error.code and error.message parse the
# page as JSON when they are asked for, so that the handler of the error fails. A 403 without a code is a KeyError.
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
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version

from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient

print("alpaca-py", version("alpaca-py"))
answers = {
    "Alpaca's own": (422, b'{"code": 40010001, "message": "qty must be > 0"}'),
    "a gateway's page": (502, b"<html><body>Bad Gateway</body></html>"),
    "without a code": (403, b'{"message": "forbidden."}'),
}
current = ""

class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = answers[current]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", 0), Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = TradingClient("key", "secret", url_override=f"http://127.0.0.1:{server.server_port}")
seen = []
for current in answers:
    try:
        client.get_all_positions()
    except APIError as error:
        try:
            seen.append(error.code)
        except Exception as second:
            seen.append(type(second).__name__)
    print(f"{current}: status {answers[current][0]}, the code is {seen[-1]}")
raise SystemExit(seen != [40010001, "JSONDecodeError", "KeyError"])
END

env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
