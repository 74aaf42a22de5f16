"""A sandbox for each test on a port of its own, and two hands on it: alpaca-py, and plain HTTP."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from sandbox.server import Server
from tests.tools.sandbox.client import KEY, SECRET, Http

with warnings.catch_warnings():
    # The SDK's streaming half, which is not used here, imports a deprecated module.
    warnings.simplefilter("ignore", DeprecationWarning)
    from alpaca.trading.client import TradingClient


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(fill_delay_sec=0) as server:
        yield server


@pytest.fixture
def http(server: Server) -> Http:
    return Http(server.url)


@pytest.fixture
def alpaca(server: Server) -> Iterator[TradingClient]:
    """Alpaca's own SDK, as it comes."""
    client = TradingClient(KEY, SECRET, paper=True, url_override=server.url)
    yield client
    client._session.close()
