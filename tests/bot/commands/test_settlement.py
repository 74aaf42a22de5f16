"""What a settlement must say, and may say, for each action."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from bot.commands.settlement import ACTIONS, SettleAction, Settlement, read_settlement
from bot.errors import InvalidParams

TRADE = str(uuid4())
VALUES = {
    "symbol": "AAPL",
    "tradeId": TRADE,
    "shares": "10",
    "entryPrice": "9.5",
    "exitPrice": "10.5",
    "exitAt": "2026-11-24T15:00:00Z",
}


def read(action: SettleAction, *fields: str, reason: str | None = "seen at the broker") -> Settlement:
    return read_settlement({"action": action.value, **{name: VALUES[name] for name in fields}}, reason)


def fields_of(refused: InvalidParams) -> dict[str, Any]:
    assert refused.details is not None
    found: dict[str, Any] = refused.details["fields"]
    return found


def least(action: SettleAction) -> set[str]:
    spec = ACTIONS[action]
    return {spec.subject} | spec.needs | ({"shares"} if action is SettleAction.ADJUST else set())


@pytest.mark.parametrize("action", SettleAction)
def test_each_action_is_taken_with_what_it_needs_and_with_all_that_it_takes(action: SettleAction) -> None:
    assert read(action, *least(action)).action is action
    assert read(action, *least(action), *ACTIONS[action].takes).action is action


@pytest.mark.parametrize(
    ("action", "missing"),
    [(action, name) for action, spec in ACTIONS.items() for name in sorted({spec.subject, *spec.needs})],
)
def test_what_an_action_needs_is_named_when_it_is_missing(action: SettleAction, missing: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        read(action, *least(action) - {missing})
    assert fields_of(refused.value) == {missing: [f"is needed for {action}"]}


@pytest.mark.parametrize("action", SettleAction)
def test_what_an_action_does_not_take_is_named_when_it_is_given(action: SettleAction) -> None:
    others = VALUES.keys() - least(action) - ACTIONS[action].takes
    for name in others:
        with pytest.raises(InvalidParams) as refused:
            read(action, *least(action), name)
        assert fields_of(refused.value) == {name: [f"is not taken by {action}"]}


def test_an_adjustment_of_nothing_is_none() -> None:
    with pytest.raises(InvalidParams) as refused:
        read(SettleAction.ADJUST, "tradeId")
    sentence = ["one of shares and entryPrice is needed for adjust"]
    assert fields_of(refused.value) == {"entryPrice": sentence, "shares": sentence}
    assert read(SettleAction.ADJUST, "tradeId", "entryPrice").entry_price == Decimal("9.5")


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_settlement_without_a_reason_is_rejected(reason: str | None) -> None:
    with pytest.raises(InvalidParams) as refused:
        read(SettleAction.VOID, "tradeId", reason=reason)
    assert fields_of(refused.value) == {"reason": ["is needed: say why"]}


def test_a_symbol_has_one_to_thirty_two_characters() -> None:
    for symbol in ("A", "A" * 32, "BTC/USD"):
        assert read_settlement({"action": "watch", "symbol": symbol}, "why").symbol == symbol
    for symbol in ("", "A" * 33, "aapl"):
        with pytest.raises(InvalidParams):
            read_settlement({"action": "watch", "symbol": symbol}, "why")
