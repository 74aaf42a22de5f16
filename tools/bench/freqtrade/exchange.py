"""What stands in for the exchange: the part of Binance's public interface that an idle freqtrade asks for, on loopback.

freqtrade does not start without an exchange: it ends when the list of markets cannot be loaded. The prices are made up and never
move; nothing is traded.
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from launcher import ports

PRICE = "50000.00"
CANDLE_MS = 300_000
_FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.0", "stepSize": "0.00001"},
    {"filterType": "NOTIONAL", "minNotional": "5.0", "maxNotional": "9000000.0"},
]
_SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "orderTypes": ["LIMIT", "MARKET", "STOP_LOSS_LIMIT"],
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
    "filters": _FILTERS,
    "permissions": ["SPOT"],
    "permissionSets": [["SPOT"]],
}


def answer(path: str, limit: int, now_ms: int) -> Any:
    """What the exchange says at *path*; None where it has nothing."""
    match path.rpartition("/")[2]:
        case "ping":
            return {}
        case "time":
            return {"serverTime": now_ms}
        case "exchangeInfo":
            return {"timezone": "UTC", "serverTime": now_ms, "rateLimits": [], "symbols": [_SYMBOL]}
        case "klines":
            last = now_ms // CANDLE_MS * CANDLE_MS
            return [_candle(last - back * CANDLE_MS) for back in range(limit - 1, -1, -1)]
        case "depth":
            return {"lastUpdateId": 1, "bids": [[PRICE, "1.0"]], "asks": [[PRICE, "1.0"]]}
        case "bookTicker":
            best = {"bidPrice": PRICE, "bidQty": "1.0", "askPrice": PRICE, "askQty": "1.0"}
            return [{"symbol": "BTCUSDT", **best}]
    return None


def _candle(open_ms: int) -> list[Any]:
    return [open_ms, *[PRICE] * 4, "1.0", open_ms + CANDLE_MS - 1, PRICE, 1, "0.5", PRICE, "0"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        limit = int(parse_qs(url.query).get("limit", ["500"])[0])
        given = answer(url.path, limit, int(time.time() * 1000))
        if given is None:
            print(f"not here: {self.path}", flush=True)
        body = json.dumps({"code": -1121, "msg": "not here"} if given is None else given).encode()
        self.send_response(404 if given is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer((ports.LOOPBACK, int(sys.argv[1])), Handler).serve_forever()
