"""What a round of a flatten leads to: its state, the wait, what is tried again, and what is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from bot.broker.errors import BrokerInconsistent
from bot.broker.readings import Account, Order
from bot.flattening import process, round
from bot.flattening.plan import Closing, Goal, Plan, Seen, Sent, make_plan
from bot.flattening.process import Flattener
from bot.flattening.round import BrokerRound
from bot.models import AlertKind, BotFlatten, FlattenState
from bot.states import Mode
from tests.bot.flattening.test_plan import order, position

STARTED = datetime(2026, 11, 24, 15, tzinfo=UTC)
LATER = STARTED + timedelta(minutes=5)
HELD = position("AAPL", 10)


def sec(count: float) -> timedelta:
    return timedelta(seconds=count)


def flatten(**columns: Any) -> BotFlatten:
    given = {"state": FlattenState.WORKING, "attempts": 1, "retries": {}, "closing_orders": [], **columns}
    return BotFlatten(command_id=uuid4(), mode=Mode.PAPER, started_at=STARTED, **given)


def plan(*positions: Any, orders: tuple[Order, ...] = (), **changes: Any) -> Plan:
    made = make_plan(Goal(started_at=STARTED), Seen(LATER, True, orders, (), positions))
    return Plan(**{**made.__dict__, **changes})


def done(made: Plan | None, **found: Any) -> BrokerRound:
    """A round that came to *made*; nothing is asked of a broker."""
    settings: Any = None
    one = BrokerRound(settings, Mode.PAPER, None, Goal(started_at=STARTED))
    one.plan = made
    for name, value in found.items():
        setattr(one, name, value)
    return one


def progress(
    found: BrokerRound, now: datetime = LATER, began: datetime | None = None, **columns: Any
) -> tuple[FlattenState, datetime | None, float]:
    state, first, wait = process._progress(flatten(**columns), found, began or now, now)
    return state, first, wait.total_seconds()


# -- flat, or not yet -----------------------------------------------------------------------------------------


def test_one_reading_without_anything_is_not_enough() -> None:
    assert progress(done(plan())) == (FlattenState.WORKING, LATER, 2)


@pytest.mark.parametrize(("after", "state"), [(1.999, "working"), (2, "flat"), (60, "flat")])
def test_a_second_one_confirms_it_two_seconds_later(after: float, state: str) -> None:
    first = LATER - sec(after)
    assert progress(done(plan()), found_flat_at=first) == (state, first, 2)


@pytest.mark.parametrize(("began", "state"), [(2.999, "working"), (3, "flat")])
def test_a_reading_that_began_before_orders_on_their_way_had_arrived_confirms_nothing(
    began: float, state: str
) -> None:
    found = progress(done(plan()), began=STARTED + sec(began), found_flat_at=STARTED)
    assert found[0] == state


def test_fills_that_the_positions_may_not_show_yet_keep_it_from_being_flat() -> None:
    found = progress(done(plan(is_unsettled=True)), found_flat_at=STARTED)
    assert found == (FlattenState.WORKING, STARTED, 2)


def test_the_next_reading_waits_for_orders_on_their_way() -> None:
    assert progress(done(plan()), now=STARTED + sec(0.5))[2] == 2.5
    assert progress(done(plan()), now=STARTED + sec(1.5))[2] == 2


@pytest.mark.parametrize("state", [FlattenState.WORKING, FlattenState.WAITING_FOR_OPEN])
def test_a_failed_reading_proves_nothing(state: FlattenState) -> None:
    failed = done(None, error="Alpaca did not answer.")
    assert progress(failed, state=state, found_flat_at=STARTED) == (state, STARTED, 2)
    assert progress(done(None, retry_after_sec=7.0), state=state) == (state, None, 7)
    assert progress(done(None, retry_after_sec=1.0), state=state) == (state, None, 2)


# -- what is left ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("attempts", "wait"), [(1, 1), (8, 1), (9, 3), (30, 3), (31, 10)])
def test_rounds_that_find_something_left_become_rarer(attempts: int, wait: float) -> None:
    found = progress(done(plan(HELD)), attempts=attempts, found_flat_at=STARTED)
    assert found == (FlattenState.WORKING, None, wait)


@pytest.mark.parametrize(
    ("attempts", "told_to_wait", "wait"), [(1, 0.0, 2), (1, 7.0, 7), (31, 7.0, 10), (31, 12.0, 12)]
)
def test_one_that_was_cut_short_waits_as_it_was_told(attempts: int, told_to_wait: float, wait: float) -> None:
    cut = done(plan(HELD), error="Too many requests.", retry_after_sec=told_to_wait)
    assert progress(cut, attempts=attempts)[2] == wait


@pytest.mark.parametrize(
    ("opens_in", "wait"), [(5, 5), (29.5, 29.5), (3600, 30), (0.25, 1), (-60, 1), (None, 30)]
)
def test_a_closed_market_is_waited_for_until_its_bell(opens_in: float | None, wait: float) -> None:
    bell = None if opens_in is None else LATER + sec(opens_in)
    shut = done(plan(HELD, close=()), is_open=False, next_open=bell)
    assert progress(shut, found_flat_at=STARTED) == (FlattenState.WAITING_FOR_OPEN, None, wait)


def test_what_can_be_done_in_a_closed_market_is_work() -> None:
    for made in (plan(HELD), plan(HELD, orders=(order(),))):
        assert made.close or made.cancel
        assert progress(done(made, is_open=False))[0] is FlattenState.WORKING
    assert progress(done(plan(HELD, close=()), is_open=True))[0] is FlattenState.WORKING
    assert progress(done(plan(), is_open=False), found_flat_at=STARTED)[0] is FlattenState.FLAT


def test_an_order_that_is_left_is_something_left() -> None:
    assert not plan(orders=(order(),)).shows_nothing
    assert not plan(HELD).shows_nothing
    assert plan().shows_nothing


# -- what is tried again --------------------------------------------------------------------------------------


def test_a_rejected_closing_is_tried_again_after_ever_longer_waits() -> None:
    rejected, waits = done(plan(HELD), rejected={"AAPL": "AAPL: halted"}), []
    kept: dict[str, Any] = {}
    for tries in range(1, 8):
        kept = process._retries(flatten(retries=kept), rejected, LATER)
        assert kept["AAPL"]["tries"] == tries
        waits.append((datetime.fromisoformat(kept["AAPL"]["at"]) - LATER).total_seconds())
    assert waits == [1, 2, 4, 8, 15, 15, 15]
    assert kept["AAPL"]["error"] == "AAPL: halted"


def test_a_rejection_is_forgotten_once_its_position_is_closed_or_gone() -> None:
    before = {name: {"tries": 2, "at": LATER.isoformat(), "error": "halted"} for name in ("AAPL", "MSFT")}
    old = flatten(retries=before)
    assert process._retries(old, done(None), LATER) == before, "nothing was read"
    assert process._retries(old, done(plan(HELD)), LATER) == {"AAPL": before["AAPL"]}
    sent = done(plan(HELD), sent=[Sent("1", "AAPL", Decimal(10), LATER)])
    assert process._retries(old, sent, LATER) == {}


def test_a_position_rests_until_the_time_of_its_next_try() -> None:
    tries = {
        "AAPL": {"tries": 1, "at": (LATER + sec(0.001)).isoformat(), "error": ""},
        "MSFT": {"tries": 1, "at": LATER.isoformat(), "error": ""},
    }
    goal = process._goal(flatten(retries=tries, symbols=["AAPL"]), {}, LATER)
    assert (goal.rejected, goal.resting) == (frozenset({"AAPL", "MSFT"}), frozenset({"AAPL"}))
    assert goal.symbols == frozenset({"AAPL"})


def test_an_order_that_was_sent_is_known_in_the_next_round() -> None:
    sent = Sent("1", "AAPL", Decimal("0.25"), LATER)
    goal = process._goal(flatten(closing_orders=[process._as_json(sent)]), {"OWN": Decimal(3)}, LATER)
    assert [*goal.sent] == [sent]
    assert (goal.symbols, {**goal.ignored}) == (None, {"OWN": Decimal(3)})


# -- what is told ---------------------------------------------------------------------------------------------


def test_the_most_serious_reason_is_told_first_and_no_more_than_five() -> None:
    tries = {name: {"error": f"{name}: halted."} for name in ("A", "B", "C", "D")}
    found = done(plan(opposed=("X", "Y")), not_cancelled=["E: no.", "F: no."])
    assert process._error(found, tries) == "A: halted. B: halted. C: halted. D: halted. E: no."
    told = process._error(done(plan(opposed=("X", "Y"))), {})
    assert told is not None
    assert told.startswith("Orders for X, Y were sent after the flatten began")
    assert process._error(done(None, error="No keys."), tries) == "No keys."
    assert process._error(done(plan()), {}) is None
    many = process._error(done(plan(opposed=tuple(f"S{each}" for each in range(10, 30)))), {})
    assert many is not None
    assert ("S19" in many, "S20" in many) == (True, False)


def test_an_alert_names_twenty_positions_at_most() -> None:
    left = [process._shown(Closing(HELD, Decimal("10.50"), Decimal(1)), {"AAPL": {"error": "halted"}})]
    assert left == [{"symbol": "AAPL", "shares": "10.50", "error": "halted"}]
    values = {"positions_left": left * 30, "orders_left": 2, "error": None}
    facts = process._facts(flatten(), values, STARTED + sec(61.6))
    assert (facts["positions"], facts["orders"], facts["forSec"]) == (left * 20, 2, 62)
    before = process._facts(flatten(positions_left=left, orders_left=7), {"error": "No keys."}, LATER)
    assert (before["positions"], before["orders"]) == (left, 7), "nothing was read: what was left before"


@pytest.mark.parametrize(
    ("after", "error", "columns", "is_told"),
    [
        (60.001, "halted", {}, True),
        (60, "halted", {}, False),
        (90, None, {}, False),
        (90, "halted", {"told_at": STARTED}, False),
        (90, "halted", {"state": FlattenState.WAITING_FOR_OPEN}, False),
    ],
)
def test_one_that_does_not_get_on_is_told_once_after_a_minute(
    after: float, error: str | None, columns: dict[str, Any], is_told: bool
) -> None:
    assert alert(FlattenState.WORKING, error, after, **columns) == (
        AlertKind.FLATTEN_STUCK if is_told else None
    )


def test_waiting_for_the_bell_is_told_when_it_begins() -> None:
    waiting = FlattenState.WAITING_FOR_OPEN
    assert alert(waiting, None, 1) is AlertKind.FLATTEN_WAITS
    assert alert(waiting, None, 1, state=waiting) is None
    assert alert(FlattenState.FLAT, None, 1) is AlertKind.FLAT


def alert(after_round: FlattenState, error: str | None, after: float, **columns: Any) -> AlertKind | None:
    nobody: Any = None
    one = Flattener(nobody, nobody, is_worker=True)
    return one._alert(flatten(**columns), after_round, {"error": error}, STARTED + sec(after))


# -- the account's own values ---------------------------------------------------------------------------------


def account(long: str, short: str) -> Account:
    money = Decimal(1000)
    return Account("id", "ACTIVE", (), money, money, money, money, Decimal(long), Decimal(short))


@pytest.mark.parametrize(("long", "short"), [("101", "0"), ("100", "-51"), ("0", "0"), ("100", "-50")])
def test_a_dollar_between_the_account_and_its_positions_is_no_contradiction(long: str, short: str) -> None:
    round._check_values(account(long, short), [worth("A", 10, "100"), worth("B", -5, "-50")])


@pytest.mark.parametrize(
    ("long", "short", "which"), [("101.01", "0", "long"), ("0", "-51.01", "short"), ("201", "-101", "long")]
)
def test_an_account_that_is_worth_more_than_its_list_shows_lacks_positions_there(
    long: str, short: str, which: str
) -> None:
    with pytest.raises(BrokerInconsistent, match=f"the {which} ones are worth"):
        round._check_values(account(long, short), [worth("A", 10, "100"), worth("B", -5, "-50")])


@pytest.mark.parametrize("side", [1, -1])
def test_a_fraction_of_the_other_side_makes_up_for_nothing(side: int) -> None:
    lacks = account("151", "-50") if side > 0 else account("50", "-151")
    held = [worth("A", side * 10, f"{side * 100}"), worth("B", Decimal("-0.5") * side, f"{side * -50}")]
    with pytest.raises(BrokerInconsistent):
        round._check_values(lacks, held)


def test_a_position_without_a_value_proves_nothing() -> None:
    round._check_values(account("900", "0"), [worth("A", 10, "100"), worth("C", 1, None)])


def worth(symbol: str, shares: int | Decimal, value: str | None) -> Any:
    return msgspec.structs.replace(
        position(symbol, shares), market_value=None if value is None else Decimal(value)
    )
