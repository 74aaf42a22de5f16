"""``python -m sandbox``: a simulated Alpaca on a port, until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from sandbox.server import PortTaken, Server
from sandbox.store import StateFileError
from sandbox.venue import FILL_DELAY_SEC


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, and return the exit status: 0 after a signal, 2 when port or state file cannot be used."""
    parser = argparse.ArgumentParser(prog="sandbox", description="A simulated Alpaca trading API.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="keep it on loopback: there is no login (%(default)s)"
    )
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one (%(default)s)")
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="keep accounts in this file; without it, in memory"
    )
    parser.add_argument("--walk", action="store_true", help="let prices drift")
    parser.add_argument("--no-rate-limit", action="store_true", help="allow more than 200 calls a minute")
    parser.add_argument(
        "--fill-delay",
        type=float,
        default=FILL_DELAY_SEC,
        metavar="SECONDS",
        help="how long an order works before it fills (%(default)s)",
    )
    parser.add_argument(
        "--hours", action="store_true", help="open and close with the exchange, instead of never closing"
    )
    asked = parser.parse_args(arguments)

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        server = Server(
            host=asked.host,
            port=asked.port,
            state=asked.state,
            walk=asked.walk,
            rate_limit=not asked.no_rate_limit,
            fill_delay_sec=max(0.0, asked.fill_delay),
            hours=asked.hours,
        ).start()
    except (PortTaken, StateFileError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"The sandbox listens on {server.url}", flush=True)
    stop.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
