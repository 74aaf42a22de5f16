"""The shapes in which public sources show Alpaca's answers: each is understood, and means what it says."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.broker.alpaca_parsing import account_of, fill_of, order_of, position_of
from bot.broker.errors import BrokerGarbled
from tests.bot.broker.account_shapes import ACCOUNTS
from tests.bot.broker.shapes import FILLS, ORDERS, OTHER_ACTIVITIES, POSITIONS, Shape
from tests.bot.broker.update_shapes import UPDATES

with warnings.catch_warnings():
    # The SDK's streaming half, which is not used here, imports a deprecated module.
    warnings.simplefilter("ignore", DeprecationWarning)
    from alpaca.trading.models import TradeUpdate

FIELDS = json.loads((Path(__file__).parents[2] / "tools/sandbox/alpaca_fields.json").read_text())
SHAPES: list[tuple[str, Callable[[object], Any], Shape]] = [
    *(("Order", order_of, shape) for shape in ORDERS),
    *(("Position", position_of, shape) for shape in POSITIONS),
    *(("TradingActivities", fill_of, shape) for shape in FILLS),
    *(("Account", account_of, shape) for shape in ACCOUNTS),
]


def check(reading: object, shape: Shape) -> None:
    for name, value in shape.means.items():
        found = getattr(reading, name)
        assert found == (Decimal(value) if isinstance(found, Decimal) else value), name


@pytest.mark.parametrize(
    ("read", "shape"), [(read, shape) for _, read, shape in SHAPES], ids=[shape.name for *_, shape in SHAPES]
)
def test_each_shape_means_what_it_says(read: Callable[[object], Any], shape: Shape) -> None:
    check(read(shape.row), shape)


@pytest.mark.parametrize("shape", UPDATES, ids=lambda shape: str(shape.name))
def test_the_order_in_each_update_of_the_stream_means_what_it_says(shape: Shape) -> None:
    check(order_of(shape.row["order"]), shape)


@pytest.mark.parametrize("shape", UPDATES, ids=lambda shape: str(shape.name))
def test_alpacas_own_models_take_each_update_of_the_stream(shape: Shape) -> None:
    update = TradeUpdate(**shape.row)
    assert update.event == shape.name
    assert str(update.order.id) == shape.means["id"]
    assert update.order.filled_qty == shape.row["order"]["filled_qty"]


@pytest.mark.parametrize("status", FIELDS["enums"]["OrderStatus"])
def test_every_status_of_the_description_either_may_fill_or_is_over(status: str) -> None:
    over = {"filled", "canceled", "expired", "rejected", "replaced"}
    assert order_of({**ORDERS[0].row, "status": status}).is_working is (status not in over)


@pytest.mark.parametrize("asset_class", FIELDS["enums"]["AssetClass"])
def test_no_class_of_assets_hides_the_positions_beside_it(asset_class: str) -> None:
    assert position_of({**POSITIONS[0].row, "asset_class": asset_class}).asset_class == asset_class


@pytest.mark.parametrize(
    "row", OTHER_ACTIVITIES, ids=lambda row: f"{row['activity_type']} {row.get('type', '')}"
)
def test_no_other_activity_passes_for_a_fill(row: dict[str, Any]) -> None:
    with pytest.raises(BrokerGarbled):
        fill_of(row)


@pytest.mark.parametrize(("name", "shape"), [(name, shape) for name, _, shape in SHAPES])
def test_the_shapes_have_the_fields_of_the_description(name: str, shape: Shape) -> None:
    described = FIELDS["objects"][name].keys()
    beyond = (
        {"cancel_requested_at", "commission", "subtag"} if shape.name == "with fields that are new" else set()
    )
    optional = set(FIELDS["not_simulated"].get(name, ()))
    assert shape.row.keys() - beyond <= described
    assert described - shape.row.keys() <= optional
