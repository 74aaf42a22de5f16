"""Brings a running system back to where a test may begin, by the ways that everybody has."""

from __future__ import annotations

from tests.support.stack import Stack

#: An agreement older than this is renewed, in seconds: the gate of a running bot counts on one for 180 s, which a
#: stopped one, whose agreement lasts longer, may have spent before the test starts it. No beat runs beside the tests.
AGREEMENT_SEC = 60

DEFAULTS = {
    "positionSizeUsd": 500,
    "confidenceMultiplierHigh": 2.0,
    "confidenceMultiplierMed": 1.0,
    "confidenceMultiplierLow": 0.5,
    "maxConcurrentPositions": 3,
    "dailyLossLimitUsd": 500,
    "minWinRate": 0.5,
    "hardStopLossPct": 7.0,
    "maxHoldDurationSec": 300,
    "enabledCatalystTiers": [1, 2, 3, 4],
    "maxFloatShares": 20_000_000,
    "maxSharePrice": 20,
    "minRelativeVolume": 5,
    "countOpenLoss": True,
}


def reset(stack: Stack) -> None:
    """All of it running; stopped, not enabled, not killed, paper, no trades here or at the broker, no faults, default
    thresholds, reconciled, nothing pending."""
    operator = stack.api()
    _repair(stack)
    stack.broker.renew()
    stack.sql("DELETE FROM bot_flatten")
    stack.sql("DELETE FROM bot_trade")
    stack.sql("DELETE FROM bot_daily_stats")
    stack.sql("DELETE FROM bot_ignored_position")
    # what was asked of the broker so far does not keep an attempt waiting for the minute's budget
    stack.sql("UPDATE bot_reconciliation SET requests = 0 WHERE requests > 0")
    operator.do("/kill")  # calls off what is pending
    operator.do("/rearm")
    assert operator.status()["mode"] == "paper", "switch the mode on a stack of your own"
    config = operator.read("/config")
    if changed := {name: value for name, value in DEFAULTS.items() if config[name] != value}:
        assert operator.patch("/config", changed, headers={"Prefer": "wait=10"}).status_code == 200
    if operator.status()["pendingCommands"] or not _agreed_lately(stack):
        operator.do("/reconcile", headers={"Prefer": "wait=10"})
        stack.wait_accepting()
    stack.wait_for(lambda: operator.status()["pendingCommands"] == 0, 5, "nothing is pending")
    stack.broker.forget()


def calm(stack: Stack) -> None:
    """Stopped, not killed, nobody told of anything, and nothing waits for a second person: for a system with APPROVALS, where
    ``reset`` could not put the thresholds back."""
    operator = stack.api()
    for waiting in stack.sql("SELECT id::text FROM bot_command WHERE status = 'awaiting_approval'"):
        operator.do(f"/commands/{waiting['id']}/rejection")
    operator.do("/kill")
    operator.do("/rearm")
    stack.sql("DELETE FROM bot_alert")


def _agreed_lately(stack: Stack) -> bool:
    """Whether the books agreed with the broker within AGREEMENT_SEC, by the database's clock, and no attempt failed since."""
    return bool(
        stack.sql(
            "SELECT 1 FROM bot_config WHERE reconciled_at > now() - make_interval(secs => %s)"
            " AND reconcile_failures = 0",
            [AGREEMENT_SEC],
        )
    )


def _repair(stack: Stack) -> None:
    """Start again what has ended, and let go on what was frozen."""
    stack.start_redis()
    stack.start_sandbox()
    for name, worker in list(stack.workers.items()):
        worker.thaw()
        if not worker.running:
            stack.start_worker(name, wait=False)
    stack.web.thaw()
    stack.start_web(wait=False)
    stack.wait_ready()
