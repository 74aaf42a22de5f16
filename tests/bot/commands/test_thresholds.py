"""What a change of thresholds differs in, whether it raises the risk, and how it is described."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot.commands import thresholds
from bot.models import BotConfig


@pytest.fixture
def config() -> BotConfig:
    return BotConfig(
        position_size_usd=Decimal("500.00"),
        max_concurrent_positions=3,
        min_win_rate=Decimal("0.5"),
        enabled_catalyst_tiers=[1, 2],
        count_open_loss=True,
    )


@pytest.mark.parametrize(
    ("params", "raises"),
    [
        ({"positionSizeUsd": 501}, True),
        ({"positionSizeUsd": 500}, False),
        ({"positionSizeUsd": 499}, False),
        ({"minWinRate": 0.4}, True),
        ({"minWinRate": 0.6}, False),
        ({"enabledCatalystTiers": [1, 3]}, True),
        ({"enabledCatalystTiers": [2]}, False),
        ({"countOpenLoss": False}, True),
        ({"maxConcurrentPositions": 2, "positionSizeUsd": 501}, True),
        ({"maxConcurrentPositions": 2, "positionSizeUsd": 499}, False),
        ({"maxConcurrentPositions": 1001}, False),
        ({}, False),
    ],
)
def test_a_change_raises_the_risk_if_one_of_its_values_does_and_not_if_it_is_invalid(
    config: BotConfig, params: dict[str, Any], raises: bool
) -> None:
    assert thresholds.raise_risk(config, params) is raises


def test_a_difference_is_named_as_in_json_with_exact_numbers_as_texts(config: BotConfig) -> None:
    changes = {
        "position_size_usd": Decimal("1000"),
        "min_win_rate": Decimal("0.50"),
        "max_concurrent_positions": 5,
        "enabled_catalyst_tiers": [1],
        "count_open_loss": True,
    }
    assert thresholds.differences(config, changes) == {
        "positionSizeUsd": ["500", "1000"],
        "maxConcurrentPositions": [3, 5],
        "enabledCatalystTiers": [[1, 2], [1]],
    }


def test_the_description_tells_each_limit_and_that_nothing_is_null() -> None:
    schema = thresholds.ThresholdChanges.model_json_schema()
    assert (schema["minProperties"], schema["additionalProperties"]) == (1, False)
    for name, limits in {
        "positionSizeUsd": {"type": "number", "exclusiveMinimum": 0, "maximum": 10_000_000},
        "minWinRate": {"type": "number", "minimum": 0, "maximum": 1},
        "maxConcurrentPositions": {"type": "integer", "minimum": 1, "maximum": 1000},
        "enabledCatalystTiers": {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": 4},
        },
        "countOpenLoss": {"type": "boolean"},
    }.items():
        described = schema["properties"][name]
        assert {
            key: value for key, value in described.items() if key not in ("title", "description")
        } == limits
