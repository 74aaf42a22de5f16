#!/bin/sh
# alpaca-py keeps the amounts of an order as text, but turns those of a trade update into floats.
#
# A fill of 123456789.123456789 shares at 187.1234567890123456 arrives over REST as it is. The same fill's update on the stream has
# float fields: digits are gone before a handler sees them, and there is no other way to them but raw_data.
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
from importlib.metadata import version
from uuid import uuid4

from alpaca.trading.models import Order, TradeUpdate

print("alpaca-py", version("alpaca-py"))
time = "2026-11-27T14:30:00Z"
order = {
    **{"id": str(uuid4()), "client_order_id": "one", "created_at": time, "updated_at": time, "submitted_at": time},
    **{"order_class": "", "type": "market", "side": "buy", "time_in_force": "day", "status": "filled"},
    **{"symbol": "ACME", "asset_class": "us_equity", "extended_hours": False},
    **{"qty": "123456789.123456789", "filled_qty": "123456789.123456789"},
    **{"filled_avg_price": "187.1234567890123456"},
}
update = {"event": "fill", "timestamp": time, "order": dict(order)}
update |= {"qty": order["qty"], "price": order["filled_avg_price"], "position_qty": order["qty"]}
rest, stream = Order(**order), TradeUpdate(**update)
print("order:", repr(rest.filled_qty), repr(rest.filled_avg_price))
print("update:", repr(stream.qty), repr(stream.price))
raise SystemExit(
    (rest.filled_qty, rest.filled_avg_price) != (order["filled_qty"], order["filled_avg_price"])
    or (stream.qty, stream.price) != (123456789.12345679, 187.12345678901235)
)
END

env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
