#!/bin/sh
# APIFlask describes two kinds of fields otherwise than it treats them.
#
# Range(min=0, min_inclusive=False) is described as minimum 0, although 0 is answered with 422: a client that keeps to the description is
# refused. Decimal(as_string=True) is described as a number, and text is sent: a generated client fails to read it, or rounds it.
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
env/bin/python -m pip install -qq --only-binary :all: APIFlask==3.1.2 apispec==6.10.1 marshmallow==4.4.0
cat >seen.py <<'END'
from decimal import Decimal
from importlib.metadata import version

from apiflask import APIFlask, Schema
from apiflask.fields import Decimal as DecimalField
from apiflask.fields import Float
from apiflask.validators import Range

print(" ".join(f"{name} {version(name)}" for name in ("apiflask", "apispec", "marshmallow")))


class Order(Schema):
    price = Float(validate=Range(min=0, min_inclusive=False))
    total = DecimalField(as_string=True)


app = APIFlask(__name__)


@app.post("/orders")
@app.input(Order)
@app.output(Order)
def order(json_data):
    return {"price": 1.5, "total": Decimal("12.30")}


described = app.spec["components"]["schemas"]["Order"]["properties"]
client = app.test_client()
status = client.post("/orders", json={"price": 0}).status_code
sent = client.post("/orders", json={"price": 1}).json["total"]
print("OpenAPI", app.spec["openapi"], "price:", described["price"], "total:", described["total"])
print(f"a price of 0: {status}; the total that is sent: {sent!r}")
raise SystemExit(
    (described["price"], described["total"]["type"], status, sent)
    != ({"type": "number", "minimum": 0}, "number", 422, "12.30")
)
END
env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
