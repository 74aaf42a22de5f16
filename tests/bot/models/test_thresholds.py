"""The thresholds and their limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import DefaultClause

from bot.commands.thresholds import check_changes
from bot.errors import InvalidParams
from bot.models import BotConfig
from bot.models.thresholds import THRESHOLDS
from web.panel.thresholds import GROUPS
from web.schemas.responses import ConfigChangedOut, ConfigOut

NAMES = {
    "positionSizeUsd": (Decimal("0.01"), 10_000_000),
    "confidenceMultiplierHigh": (0, 100),
    "confidenceMultiplierMed": (0, 100),
    "confidenceMultiplierLow": (0, 100),
    "maxConcurrentPositions": (1, 1000),
    "dailyLossLimitUsd": (Decimal("0.01"), 10_000_000),
    "minWinRate": (0, 1),
    "hardStopLossPct": (Decimal("0.0001"), 100),
    "maxHoldDurationSec": (1, 86_400),
    "maxFloatShares": (1, 100_000_000_000),
    "maxSharePrice": (Decimal("0.01"), 10_000_000),
    "minRelativeVolume": (0, 10_000),
}
WHOLE = {"maxConcurrentPositions", "maxHoldDurationSec", "maxFloatShares"}


def refusal(params: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidParams) as caught:
        check_changes(params)
    fields: dict[str, list[str]] = caught.value.details.get("fields", {})
    return fields


@pytest.mark.parametrize(("name", "limits"), NAMES.items())
def test_the_limits_themselves_are_allowed_and_nothing_beyond(name: str, limits: tuple[Any, Any]) -> None:
    low, high = limits
    for value in limits:
        assert list(check_changes({name: value}).values()) == [value]
    step = 1 if name in WHOLE else Decimal("0.01")
    for value in (high + step, low - step, -1, high * 10):
        assert set(refusal({name: value})) == {name}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value",
    [None, "500", True, [], {}, float("nan"), float("inf"), -float("inf"), Decimal("NaN"), Decimal("sNaN")],
)
def test_what_is_no_number_is_refused(name: str, value: Any) -> None:
    assert set(refusal({name: value})) == {name}


@pytest.mark.parametrize("name", sorted(set(NAMES) - WHOLE))
def test_digits_that_would_be_lost_are_refused(name: str) -> None:
    assert set(refusal({name: Decimal("0.12345")})) == {name}


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_counts_are_whole(name: str) -> None:
    assert set(refusal({name: 2.5})) == {name}
    assert set(refusal({name: 2.0})) == {name}, (
        "not even one that is whole by chance: JSON says what it means"
    )


def test_a_float_keeps_the_digits_that_it_prints() -> None:
    assert check_changes({"positionSizeUsd": 0.1}) == {"position_size_usd": Decimal("0.1")}


@pytest.mark.parametrize("tiers", [[1, 2, 3, 4], [4, 1], [2], []])
def test_tiers_are_a_list_of_1_to_4_in_order(tiers: list[int]) -> None:
    assert check_changes({"enabledCatalystTiers": tiers}) == {"enabled_catalyst_tiers": sorted(tiers)}


@pytest.mark.parametrize("tiers", [[0], [5], [1, 1], ["1"], "1,2", 1, None, [True], [1.0], [None], [[1]]])
def test_other_tiers_are_refused(tiers: Any) -> None:
    assert set(refusal({"enabledCatalystTiers": tiers})) == {"enabledCatalystTiers"}


def test_every_bad_field_is_named_and_good_ones_are_not() -> None:
    fields = refusal({"positionSizeUsd": -1, "minWinRate": 2, "maxSharePrice": 5, "state": "running"})
    assert set(fields) == {"positionSizeUsd", "minWinRate", "state"}
    assert fields["state"] == ["is not a threshold"]


@pytest.mark.parametrize(
    "name", ["state", "mode", "enabled", "killedAt", "revision", "reconciledAt", "id", ""]
)
def test_nothing_but_thresholds_can_be_set(name: str) -> None:
    assert refusal({name: 1}) == {name: ["is not a threshold"]}


def test_a_change_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidParams, match="nothing to change"):
        check_changes({})


@pytest.mark.parametrize("params", [None, [], "x", 7, [["positionSizeUsd", 5]]])
def test_params_of_another_shape_are_refused(params: Any) -> None:
    with pytest.raises(InvalidParams):
        check_changes(params)


@pytest.mark.parametrize("value", [True, False])
def test_a_switch_is_true_or_false(value: bool) -> None:
    assert check_changes({"countOpenLoss": value}) == {"count_open_loss": value}


@pytest.mark.parametrize("value", [None, 0, 1, "true", "yes", [], [True], {}])
def test_a_switch_is_nothing_else(value: Any) -> None:
    assert set(refusal({"countOpenLoss": value})) == {"countOpenLoss"}


# The other halves of these tests are those of migrations, which find a default that differs from the tables'.
def test_each_threshold_is_a_column_with_the_default_of_its_row() -> None:
    assert len(THRESHOLDS) == 14
    for name, threshold in THRESHOLDS.items():
        default = BotConfig.__table__.columns[name].server_default
        assert isinstance(default, DefaultClause)
        assert str(default.arg) == str(threshold.server_default)


def test_each_default_is_allowed_by_its_own_row() -> None:
    for threshold in THRESHOLDS.values():
        default = list(threshold.default) if isinstance(threshold.default, tuple) else threshold.default
        assert check_changes({threshold.json_name: default}) == {threshold.name: default}


def test_the_answer_of_config_and_the_form_of_the_panel_have_every_threshold() -> None:
    assert THRESHOLDS.keys() <= ConfigOut.model_fields.keys()
    assert THRESHOLDS.keys() <= ConfigChangedOut.model_fields.keys()
    shown = [field for fields in GROUPS.values() for field in fields]
    assert {field.threshold.name for field in shown} == THRESHOLDS.keys()
    said = {field.threshold.name: field.help for field in shown}
    assert said["position_size_usd"] == (
        "Money put into one position, in US dollars. More than 0, at most 10,000,000. Default 500."
    )
    assert said["max_concurrent_positions"].endswith(" 1 to 1,000. Default 3.")
    assert said["count_open_loss"].endswith("realized. Default on.")
    assert said["enabled_catalyst_tiers"].endswith("of 1 to 4. Default 1, 2, 3, 4.")
