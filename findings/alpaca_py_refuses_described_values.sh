#!/bin/sh
# alpaca-py's models refuse values that Alpaca's own description of its Trading API has.
#
# The description (2.0.1) lets an account be ACCOUNT_CLOSED_PENDING, an asset be of the class treasury or corporate, and an order
# have no submitted_at. Each is a ValidationError, and since lists are parsed whole, one such row hides all the others: a client
# that asks for its positions gets none of them.
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
env/bin/python -m pip install -qq --only-binary :all: alpaca-py==0.44.0 pydantic==2.14.3
cat >seen.py <<'END'
from importlib.metadata import version
from uuid import uuid4

from alpaca.trading.models import Order, Position, TradeAccount
from pydantic import TypeAdapter, ValidationError

print("alpaca-py", version("alpaca-py"), "pydantic", version("pydantic"))
time = "2026-11-27T14:30:00Z"
order = {
    **{"id": str(uuid4()), "client_order_id": "one", "created_at": time, "updated_at": time, "submitted_at": time},
    **{"order_class": "", "type": "market", "side": "buy", "time_in_force": "day", "status": "accepted"},
    **{"symbol": "ACME", "asset_class": "us_equity", "qty": "1", "filled_qty": "0", "extended_hours": False},
}
position = {
    **{"asset_id": str(uuid4()), "symbol": "ACME", "exchange": "NASDAQ", "asset_class": "us_equity", "side": "long"},
    **{"qty": "1", "avg_entry_price": "10", "cost_basis": "10"},
}
account = {"id": str(uuid4()), "account_number": "1", "status": "ACTIVE"}

def taken(model, rows):
    try:
        return len(TypeAdapter(list[model]).validate_python([dict(row) for row in rows]))
    except ValidationError as error:
        return f"refused: {error.errors()[0]['loc'][-1]}"

seen = {
    "ordinary rows": [taken(Order, [order]), taken(Position, [position]), taken(TradeAccount, [account])],
    "an order without submitted_at": taken(Order, [order, {**order, "submitted_at": None}]),
    "a treasury among the positions": taken(Position, [position, {**position, "asset_class": "treasury"}]),
    "an account that is being closed": taken(TradeAccount, [{**account, "status": "ACCOUNT_CLOSED_PENDING"}]),
}
for what, result in seen.items():
    print(f"{what}: {result}")
raise SystemExit(
    list(seen.values()) != [[1, 1, 1], "refused: submitted_at", "refused: asset_class", "refused: status"]
)
END

env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
