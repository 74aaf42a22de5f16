"""The sandbox beside the tests."""

from __future__ import annotations

from tests.support.broker import KEYS, Broker


def test_what_was_asked_behind_the_scenes_is_over_when_it_is_answered() -> None:
    broker = Broker()
    broker.start()
    try:
        broker.account()
        broker.positions(ACME=10)
        assert [
            row["symbol"] for row in broker.control("GET", f"/accounts/{KEYS['paper'][0]}")["positions"]
        ] == ["ACME"]
        assert broker.is_idle, "its stop would wait for these calls"
    finally:
        broker.stop()
