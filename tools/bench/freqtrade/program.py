"""freqtrade as its manual starts it, in dry-run and with its REST interface, and an exchange that stands in."""

from __future__ import annotations

import base64
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from launcher import ports
from launcher.reaper import Guard
from tools.bench.errors import BenchError
from tools.bench.http import Connection, compose
from tools.bench.part import Part, answers

NAME, PASSWORD = "bench", "password-of-the-bench"
#: Which never buys: the control is measured, not the trading.
STRATEGY = """
from freqtrade.strategy import IStrategy


class Idle(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "5m"
    minimal_roi = {"0": 10}
    stoploss = -0.9
    startup_candle_count = 10

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


class Freqtrade:
    """One bot with an exchange of its own; *python* is that of the environment in which freqtrade is installed."""

    def __init__(self, python: Path, directory: Path, guard: Guard) -> None:
        self.port = ports.unused()
        self._exchange_port = ports.unused()
        self._python = python
        self._directory = directory / "freqtrade"
        self._strategies = self._directory / "strategies"
        self._strategies.mkdir(parents=True)
        self._guard = guard
        (self._strategies / "idle.py").write_text(STRATEGY)
        self._config = self._directory / "config.json"
        self._config.write_text(json.dumps(self._settings()))

    @cached_property
    def exchange(self) -> Part:
        return Part(
            "exchange",
            ["tools.bench.freqtrade.exchange", str(self._exchange_port)],
            env={},
            directory=self._directory,
            guard=self._guard,
            is_ready=answers(self._exchange_port, "/api/v3/ping"),
        )

    @cached_property
    def bot(self) -> Part:
        return Part(
            "freqtrade",
            [
                *("freqtrade", "trade", "--config", str(self._config), "--userdir", str(self._directory)),
                *("--strategy", "Idle"),
            ],
            env={},
            directory=self._directory,
            guard=self._guard,
            is_ready=answers(self.port, "/api/v1/ping"),
            python=self._python,
        )

    def token(self) -> str:
        """A token for ``compose``."""
        login = base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
        request = compose("POST", "/api/v1/token/login", token=login, scheme="Basic")
        with Connection(self.port) as connection:
            found: str = connection.ask(request).json()["access_token"]
        return found

    def ask(self, method: str, path: str) -> Any:
        """What it answers.

        Raises:
            BenchError: it was not a 200.
        """
        with Connection(self.port) as connection:
            answer = connection.ask(compose(method, f"/api/v1{path}", token=self.token()))
        if answer.status != 200:
            raise BenchError(f"{method} {path} was answered with {answer.status}: {answer.body.decode()}")
        return answer.json()

    def state(self) -> str:
        """What it says its state is."""
        return str(self.ask("GET", "/show_config")["state"])

    def _settings(self) -> dict[str, Any]:
        exchange = f"http://{ports.LOOPBACK}:{self._exchange_port}"
        interfaces = {"public": "/api/v3", "private": "/api/v3", "v1": "/api/v1", "sapi": "/sapi/v1"}
        pricing = {"price_side": "same", "use_order_book": True, "order_book_top": 1}
        return {
            "bot_name": "bench",
            "dry_run": True,
            "dry_run_wallet": 1000,
            "max_open_trades": 1,
            "stake_currency": "USDT",
            "stake_amount": 100,
            "db_url": f"sqlite:///{self._directory / 'trades.sqlite'}",
            "exchange": {
                "name": "binance",
                "key": "",
                "secret": "",
                "enable_ws": False,
                "pair_whitelist": ["BTC/USDT"],
                "ccxt_config": {
                    "urls": {"api": {name: exchange + path for name, path in interfaces.items()}},
                    "options": {"fetchMarkets": {"types": ["spot"]}},
                },
            },
            "entry_pricing": pricing,
            "exit_pricing": pricing,
            "pairlists": [{"method": "StaticPairList"}],
            "initial_state": "running",
            "api_server": {
                "enabled": True,
                "listen_ip_address": ports.LOOPBACK,
                "listen_port": self.port,
                "username": NAME,
                "password": PASSWORD,
                "jwt_secret_key": "secret-key-of-the-bench-which-is-long-enough",
            },
        }
