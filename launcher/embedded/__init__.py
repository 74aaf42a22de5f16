"""Database servers that come in wheels: nothing to install, nothing left running.

Both listen on loopback only, ask for a password, keep their port between starts and live exactly as long as their
owner wants. They serve `script/server`, the tests and the benchmarks.
"""

from launcher.embedded.postgres import Postgres
from launcher.embedded.valkey import Valkey

__all__ = ["Postgres", "Valkey"]
