"""A flatten whose processes are killed in every step, and one without Redis and without a worker."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from tests.faults.flatten_run import FlattenRun
from tests.support.stack import Stack

#: What the process is at when it is killed. A call that is not answered is carried out, or is not.
STEPS: dict[str, dict[str, Any]] = {
    "reading": {"kind": "timeout", "path": "/v2/clock"},
    "cancelling": {"kind": "timeout", "method": "DELETE", "path": "/v2/orders"},
    "having cancelled": {"kind": "lost_answer", "method": "DELETE", "path": "/v2/orders"},
    "closing": {"kind": "timeout", "method": "DELETE", "path": "/v2/positions"},
    "having closed": {"kind": "lost_answer", "method": "DELETE", "path": "/v2/positions"},
    "confirming": {"kind": "timeout", "method": "GET", "path": "/v2/positions", "skip": 2},
}


def two_positions_and_an_order(stack: Stack) -> FlattenRun:
    run = FlattenRun(stack)
    run.holds(AAPL=10, MSFT=-4)
    run.orders("AAPL", 3, "sell", "900")
    return run


@pytest.mark.parametrize("step", STEPS)
def test_when_the_worker_is_killed_web_goes_on(stack: Stack, step: str) -> None:
    run = two_positions_and_an_order(stack)
    stack.broker.faults({**STEPS[step], "times": 1, "seconds": 8})
    run.start()
    run.wait_met()
    stack.worker.kill()
    print(f"worker killed while {step}: flat after {run.wait_flat():.1f} s")
    run.check()
    stack.start_worker()
    run.check_books()


@pytest.mark.parametrize("step", ["cancelling", "closing", "having closed"])
def test_when_web_is_killed_at_it_the_next_one_goes_on(stack: Stack, step: str) -> None:
    stack.worker.kill()
    run = two_positions_and_an_order(stack)
    stack.broker.faults({**STEPS[step], "times": 1, "seconds": 8})
    run.start()
    run.wait_met()
    stack.web.kill()
    stack.start_web()
    print(f"web killed while {step}: flat after {run.wait_flat():.1f} s")
    run.check()
    stack.start_worker()
    run.check_books()


def test_it_needs_neither_redis_nor_a_worker(stack: Stack) -> None:
    stack.worker.kill()
    stack.redis.stop()
    run = two_positions_and_an_order(stack)
    run.start()
    print(f"without Redis and a worker: flat after {run.wait_flat():.1f} s")
    run.check()
    shown = stack.api("viewer").read("/flatten")
    assert (shown["state"], shown["ordersLeft"], shown["positionsLeft"]) == ("flat", 0, [])
    assert stack.status()["flatten"] == "flat"
    stack.start_redis()
    stack.start_worker()
    run.check_books()


def test_a_kill_that_flattens_needs_neither_of_them(stack: Stack) -> None:
    stack.worker.kill()
    stack.redis.stop()
    run = two_positions_and_an_order(stack)
    run.began = time.monotonic()
    done = stack.api().do("/kill", {"flatten": True})
    assert (done["state"], done["staysOpen"]) == ("stopped", None)
    run.wait_flat()
    run.check()


def test_a_manual_command_flattens(stack: Stack) -> None:
    run = two_positions_and_an_order(stack)
    run.began = time.monotonic()
    done = stack.call("call", "bot.flatten", "--kwargs", '{"reason": "enough"}')
    assert done.returncode == 0, done.stderr
    stack.wait_for(lambda: stack.sql("SELECT 1 FROM bot_flatten"), 10, "it is started")
    run.wait_flat()
    run.check()


def faults(dice: random.Random) -> list[dict[str, Any]]:
    """One to three faults that heal by themselves."""
    kinds = ("timeout", "lost_answer", "refuse", "500", "403", "429", "html", "truncated", "slow")
    paths = (
        ("DELETE", "/v2/positions"),
        ("DELETE", "/v2/orders"),
        ("GET", "/v2/positions"),
        ("GET", "/v2/orders"),
        ("GET", "/v2/account"),
        ("GET", "/v2/clock"),
    )
    made = []
    for _ in range(dice.randint(1, 3)):
        method, path = dice.choice(paths)
        kind = dice.choice(kinds)
        rule = {
            "kind": kind,
            "method": method,
            "path": path,
            "times": dice.randint(1, 3),
            "skip": dice.randint(0, 2),
        }
        if kind in ("timeout", "lost_answer", "slow"):
            rule["seconds"] = dice.choice((1, 3, 6))
        if kind == "429":
            rule["reset_after"] = 2
        made.append(rule)
    return made


@pytest.mark.long
@pytest.mark.parametrize("seed", range(50))
def test_with_random_faults_each_position_is_closed_exactly_once(stack: Stack, seed: int) -> None:
    dice = random.Random(seed)
    run = FlattenRun(stack)
    symbols = dice.sample(("AAPL", "MSFT", "GOOG", "NVDA", "AMD"), dice.randint(1, 4))
    run.holds(**{symbol: dice.choice((-1, 1)) * dice.randint(1, 40) for symbol in symbols})
    if dice.random() < 0.6:
        run.orders(symbols[0], 1, *(("sell", "900") if run.holdings[symbols[0]] > 0 else ("buy", "1")))
    lag = dice.choice((0, 0, 3))
    run.control("PUT", "", {"positions_lag_sec": lag, "values_lag": lag > 0})
    rules = faults(dice)
    stack.broker.faults(*rules)
    without_redis = dice.random() < 0.2
    if without_redis:
        stack.redis.stop()
    run.start()
    dies = dice.choice(("nobody", "worker", "web", "both"))
    time.sleep(dice.uniform(0, 3))
    if dies in ("worker", "both"):
        stack.worker.kill()
    if dies in ("web", "both"):
        stack.web.kill()
        stack.start_web()
    took = run.wait_flat()
    run.check()
    stack.broker.heal()
    stack.start_redis()
    if not stack.worker.running:
        stack.start_worker()
    profit = run.check_books()
    told = ", ".join(f"{each['times']}x {each['kind']} of {each['method']} {each['path']}" for each in rules)
    redis = ", no Redis" if without_redis else ""
    print(f"| {seed} | {len(symbols)} | {told} | {dies}{redis} | {lag} | {took:.1f} | {profit} |")
