"""What a flatten, and a halt that flattens, is asked for with, and who is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.commands import flatten
from bot.errors import InvalidParams
from bot.states import CommandKind, CommandStatus
from tests.bot.world import World

FLATTEN, KILL = CommandKind.FLATTEN, CommandKind.KILL


@pytest.mark.parametrize(
    ("params", "is_asked"),
    [
        ({"flatten": True}, True),
        ({"flatten": False}, False),
        ({}, False),
        (None, False),
        (["flatten"], False),
    ],
)
def test_a_halt_flattens_only_if_it_says_so(params: Any, is_asked: bool) -> None:
    assert flatten.is_asked_for(params) is is_asked
    assert flatten.is_asked_for(params, strict=False) is is_asked


@pytest.mark.parametrize("said", ["true", 1, 0, None, []])
def test_a_halt_that_does_not_say_clearly_whether_it_flattens_is_refused_unless_it_has_to_be_applied(
    said: Any,
) -> None:
    with pytest.raises(InvalidParams) as caught:
        flatten.is_asked_for({"flatten": said})
    assert caught.value.details == {"fields": {"flatten": ["must be true or false"]}}
    assert flatten.is_asked_for({"flatten": said}, strict=False) is False


def test_a_flatten_is_of_a_symbol_or_of_the_account_and_ended_as_a_whole() -> None:
    for whole in (flatten.read(None), flatten.read({})):
        assert (whole.symbol, whole.cancel) == (None, False)
    assert flatten.read({"symbol": "BRK.B"}).symbol == "BRK.B"
    assert flatten.read({"cancel": True}).cancel
    assert flatten.read({"cancel": False, "symbol": "AAPL"}).symbol == "AAPL"
    with pytest.raises(InvalidParams, match="a flatten is ended as a whole: leave symbol out"):
        flatten.read({"cancel": True, "symbol": "AAPL"})
    both = {"cancel": {"const": True}, "symbol": {"type": "string"}}
    assert flatten.FlattenRequest.model_json_schema()["not"] == {
        "required": ["cancel", "symbol"],
        "properties": both,
    }


def alerts(world: World, kind: str) -> list[dict[str, Any]]:
    rows = world.sql("SELECT facts FROM bot_alert WHERE kind = %s ORDER BY seq", [kind])
    return [row["facts"] for row in rows]


def test_the_start_of_a_flatten_is_told_once_however_often_it_is_extended(world: World) -> None:
    first = world.do(FLATTEN, params={"symbol": "AAPL"}, reason="news")
    world.do(FLATTEN, params={"symbol": "TSLA"}, reason="more news")
    assert alerts(world, "flattening") == [
        {
            "commandId": str(first.id),
            "mode": "paper",
            "actor": "alice",
            "reason": "news",
            "symbols": ["AAPL"],
        }
    ]
    [row] = world.sql("SELECT symbols FROM bot_flatten")
    assert row["symbols"] == ["AAPL", "TSLA"]


def test_the_end_of_a_flatten_is_told_with_what_is_left_of_which_the_first_twenty_are_named(
    world: World,
) -> None:
    begun = world.do(FLATTEN)
    left = [f"S{number:02}" for number in range(21)]
    world.sql("UPDATE bot_flatten SET orders_left = 3, positions_left = to_jsonb(%s::text[])", [left])
    cancel = world.do(FLATTEN, params={"cancel": True}, reason="enough", actor="bob")
    assert cancel.status is CommandStatus.APPLIED
    assert alerts(world, "flatten_cancelled") == [
        {
            "commandId": str(begun.id),
            "mode": "paper",
            "actor": "bob",
            "reason": "enough",
            "orders": 3,
            "positions": left[:20],
        }
    ]
    again = world.do(FLATTEN, params={"cancel": True})
    assert (again.status, again.error_code) == (CommandStatus.REJECTED, "invalid_transition")
    assert again.error is not None
    assert "No flatten is at work" in again.error


def test_the_end_of_a_flatten_takes_back_its_marks(world: World) -> None:
    trade = world.trade("AAPL", 10, exit_reason="force_close")
    world.do(FLATTEN)
    cancel = world.do(FLATTEN, params={"cancel": True}, reason="enough", actor="bob")
    assert world.trades()[trade]["exit_reason"] is None
    event = world.events(trade)[-1]
    assert (event["actor"], event["reason"], event["command_id"]) == ("bob", "enough", cancel.id)
