"""The severity and the text of each kind of alert. ``bot.alerts.outbox`` hands alerts out, ``bot.alerts.delivery`` sends them.

Alerts about commands and reconciliations are written by triggers, in the same transaction; those about lasting conditions are
written by ``bot.alerts.conditions``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from bot.models import AlertKind
from bot.reconciliation.gate_control import CLOSING


class Severity(StrEnum):
    """How soon a person should look."""

    CRITICAL = "critical"  # now
    WARNING = "warning"  # soon
    INFO = "info"  # no need to


@dataclass(frozen=True)
class Meaning:
    """What an alert of one kind means for its receiver."""

    severity: Severity
    #: The kind of condition that it ends.
    resolves: tuple[AlertKind, ...] = ()


_FLATTEN = (AlertKind.FLATTENING, AlertKind.FLATTEN_WAITS, AlertKind.FLATTEN_STUCK)

MEANINGS: Mapping[AlertKind, Meaning] = MappingProxyType(
    {
        AlertKind.KILLED: Meaning(Severity.CRITICAL),
        AlertKind.REARMED: Meaning(Severity.INFO, (AlertKind.KILLED,)),
        AlertKind.STOPPED: Meaning(Severity.WARNING),
        AlertKind.STARTED: Meaning(Severity.INFO, (AlertKind.STOPPED, AlertKind.PAUSED)),
        AlertKind.PAUSED: Meaning(Severity.WARNING),
        AlertKind.RESUMED: Meaning(Severity.INFO, (AlertKind.PAUSED,)),
        AlertKind.WENT_LIVE: Meaning(Severity.CRITICAL),
        AlertKind.WENT_PAPER: Meaning(Severity.INFO, (AlertKind.WENT_LIVE,)),
        AlertKind.THRESHOLDS_CHANGED: Meaning(Severity.WARNING),
        AlertKind.SETTLED: Meaning(Severity.WARNING),
        AlertKind.APPROVAL_WANTED: Meaning(Severity.WARNING),
        AlertKind.NEW_ADDRESS: Meaning(Severity.WARNING),
        AlertKind.LOCKED_OUT: Meaning(Severity.WARNING),
        AlertKind.RIGHT_REFUSED: Meaning(Severity.WARNING),
        AlertKind.LOG_HEAD: Meaning(Severity.INFO),
        AlertKind.RECONCILIATION_FAILED: Meaning(Severity.CRITICAL),
        AlertKind.RECONCILIATION_DIFFERS: Meaning(Severity.CRITICAL),
        AlertKind.RECONCILED: Meaning(
            Severity.INFO, (AlertKind.RECONCILIATION_FAILED, AlertKind.RECONCILIATION_DIFFERS)
        ),
        AlertKind.GATE_CLOSED: Meaning(Severity.CRITICAL),
        AlertKind.GATE_OPENED: Meaning(Severity.INFO, (AlertKind.GATE_CLOSED,)),
        AlertKind.WORKER_GONE: Meaning(Severity.CRITICAL),
        AlertKind.WORKER_BACK: Meaning(Severity.INFO, (AlertKind.WORKER_GONE,)),
        AlertKind.DATABASE_NOT_WRITABLE: Meaning(Severity.CRITICAL),
        AlertKind.DATABASE_WRITABLE: Meaning(Severity.INFO, (AlertKind.DATABASE_NOT_WRITABLE,)),
        AlertKind.TRADES_MISSED: Meaning(Severity.CRITICAL),
        AlertKind.CLOCKS_DISAGREE: Meaning(Severity.WARNING),
        AlertKind.CLOCKS_AGREE: Meaning(Severity.INFO, (AlertKind.CLOCKS_DISAGREE,)),
        AlertKind.FLATTENING: Meaning(Severity.WARNING),
        AlertKind.FLATTEN_WAITS: Meaning(Severity.CRITICAL),
        AlertKind.FLATTEN_STUCK: Meaning(Severity.CRITICAL),
        AlertKind.FLATTEN_CANCELLED: Meaning(Severity.WARNING, _FLATTEN),
        AlertKind.FLAT: Meaning(Severity.INFO, _FLATTEN),
        AlertKind.TRADE_ENTERED: Meaning(Severity.INFO),
        AlertKind.TRADE_CLOSED: Meaning(Severity.INFO),
        AlertKind.TEST: Meaning(Severity.INFO),
    }
)


def sentence(kind: str, facts: Mapping[str, Any]) -> str:
    """What happened, for a person."""
    place = f", from {facts['address']}" if facts.get("address") else ""
    second = f", approved by {facts['approvedBy']}" if facts.get("approvedBy") else ""
    by = f"{facts.get('actor')} ({facts.get('source')}, {facts.get('mode')} mode{place}{second})"
    why = f": {facts['reason']}" if facts.get("reason") else ""
    account = f"in {facts.get('mode')} mode"
    match kind:
        case AlertKind.KILLED:
            held = facts.get("staysOpen") or ()
            left = f" Open, and closed by nothing: {', '.join(held)}." if held else ""
            return f"KILLED by {by}{why}. It stays stopped until it is rearmed.{left}"
        case AlertKind.REARMED:
            return f"Rearmed by {by}{why}. It is still stopped."
        case AlertKind.STOPPED:
            return f"Stopped by {by}{why}."
        case AlertKind.STARTED:
            return f"Started by {by}{why}."
        case AlertKind.PAUSED:
            return f"Paused by {by}{why}. Open positions are still watched."
        case AlertKind.RESUMED:
            return f"Resumed by {by}{why}."
        case AlertKind.WENT_LIVE:
            return f"Switched to LIVE, real money, by {by}{why}."
        case AlertKind.WENT_PAPER:
            return f"Switched to paper by {by}{why}."
        case AlertKind.THRESHOLDS_CHANGED:
            return f"Thresholds changed by {by}{why}: {_changes(facts)}."
        case AlertKind.SETTLED:
            return f"Settled by {by}{why}: {_settled(facts)}."
        case AlertKind.APPROVAL_WANTED:
            return (
                f"{facts.get('actor')} asks for {facts.get('kind')}{_params(facts)}{why}. Another operator has to approve it"
                f" until {facts.get('expiresAt')}.{_link(facts)}"
            )
        case AlertKind.NEW_ADDRESS:
            return f"{facts.get('actor')}, an operator, logged in from {facts.get('address')}, where they never did before."
        case AlertKind.LOCKED_OUT:
            return f"Too many wrong tokens came from {facts.get('address')}; it has to wait. Is somebody guessing?"
        case AlertKind.RIGHT_REFUSED:
            return f"{facts.get('actor')} asked for {facts.get('what')} from {facts.get('address')}, and may not do that."
        case AlertKind.LOG_HEAD:
            return f"The log of {facts.get('date')} ends with {facts.get('head')}. Keep this: script/verify-log takes it."
        case AlertKind.RECONCILIATION_FAILED:
            return f"Reconciliation failed {account}: {facts.get('error')} {_gate(facts)}"
        case AlertKind.RECONCILIATION_DIFFERS:
            return f"Alpaca and the database disagree {account} on {_symbols(facts)}. The gate is closed until they agree."
        case AlertKind.RECONCILED:
            return f"Alpaca and the database agree again {account}."
        case AlertKind.GATE_CLOSED:
            return (
                f"No position can be opened for {_span(facts)}, though the bot is running {account} and the market"
                f" is open: {_listed(facts.get('reasons'))}."
            )
        case AlertKind.GATE_OPENED if facts.get("mayOpen"):
            return f"Positions can be opened again {account}, after {_span(facts)}."
        case AlertKind.GATE_OPENED:
            return (
                f"The gate is still closed, but now as it should be: {_listed(facts.get('reasons'))}"
                f" (after {_span(facts)})."
            )
        case AlertKind.WORKER_GONE:
            seen = facts.get("lastSeenAt")
            return f"No worker has been seen {f'since {seen}' if seen else 'at all'}. Kill, stop and pause still work."
        case AlertKind.WORKER_BACK:
            return f"A worker is back, after {_span(facts)}."
        case AlertKind.DATABASE_NOT_WRITABLE:
            return f"Postgres answers, but cannot be written. {facts.get('error')}"
        case AlertKind.DATABASE_WRITABLE:
            return f"Postgres can be written again, after {_span(facts)}."
        case AlertKind.TRADES_MISSED:
            count = facts.get("count")
            return (
                f"{count} {'trade' if count == 1 else 'trades'} written off {account}: {', '.join(facts.get('symbols') or ())}. Alpaca has no position and"
                " no fill that explains it, so their result is not in the books. Settle or acknowledge them."
            )
        case AlertKind.CLOCKS_DISAGREE:
            said = "open" if facts.get("brokerOpen") else "closed"
            return f"Alpaca says that the market is {said}; the exchange's calendar says otherwise. The gate is closed unless both say open."
        case AlertKind.CLOCKS_AGREE:
            return "Alpaca and the exchange's calendar agree on the market's hours again."
        case AlertKind.TRADE_ENTERED:
            return f"{facts.get('shares')} {facts.get('symbol')} at {facts.get('entryPrice')}, {account}."
        case AlertKind.TRADE_CLOSED:
            return (
                f"{facts.get('symbol')} closed {account} at {facts.get('exitPrice')}: {facts.get('pnl')} USD"
                f" ({_listed([facts.get('exitReason')])})."
            )
        case AlertKind.TEST:
            return f"A test, asked for by {facts.get('actor')}: alerts arrive here."
        case AlertKind.FLATTENING:
            return f"Flattening {_flattened(facts)} {account}, asked for by {facts.get('actor')}{why}: orders are cancelled, positions closed."
        case AlertKind.FLATTEN_WAITS:
            return (
                f"The market is closed, so these positions stay open {account} until it opens: {_left(facts)}. Their orders"
                " are cancelled."
            )
        case AlertKind.FLATTEN_STUCK:
            return f"Not flat {account} after {_span(facts)}; left: {_left(facts)}. {facts.get('error') or ''}".rstrip()
        case AlertKind.FLATTEN_CANCELLED:
            return f"The flatten {account} was ended by {facts.get('actor')}{why}; left: {_left(facts)}."
        case AlertKind.FLAT:
            return f"Flat {account} after {_span(facts)}: Alpaca shows no order and no position of {_flattened(facts)}."
    return f"{kind}: {facts}"  # written by a newer release


def with_link(kind: str, facts: Mapping[str, Any], public_url: str | None) -> Mapping[str, Any]:
    """*facts*, and where at *public_url* a person does what the alert asks for."""
    if public_url is None or kind != AlertKind.APPROVAL_WANTED:
        return facts
    return {**facts, "link": f"{public_url}/approvals/{facts.get('commandId')}"}


def _gate(facts: Mapping[str, Any]) -> str:
    """What a failed reconciliation means for the gate."""
    if facts.get("errorCode") in CLOSING:
        return "The gate is closed until that is over; it is tried again."
    return "It is tried again. A closed gate stays closed; an open one closes when no attempt has found agreement for three intervals."


def _changes(facts: Mapping[str, Any]) -> str:
    changes = facts.get("changes") or {}
    return ", ".join(f"{name} {before} → {after}" for name, (before, after) in changes.items())


def _settled(facts: Mapping[str, Any]) -> str:
    params = facts.get("params") or {}
    what = " ".join(str(params[name]) for name in ("action", "symbol", "tradeId") if params.get(name))
    return what.replace("_", " ") or "a difference"


def _params(facts: Mapping[str, Any]) -> str:
    params = facts.get("params") or {}
    return f" ({', '.join(f'{name} {value}' for name, value in params.items())})" if params else ""


def _link(facts: Mapping[str, Any]) -> str:
    return f" {facts['link']}" if facts.get("link") else ""


def _symbols(facts: Mapping[str, Any]) -> str:
    found = facts.get("differences") or []
    names = [
        f"{each.get('symbol')} (here {each.get('here')}, there {each.get('there')})" for each in found[:5]
    ]
    return ", ".join(names) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def _flattened(facts: Mapping[str, Any]) -> str:
    symbols = facts.get("symbols")
    return "the account" if symbols is None else ", ".join(symbols)


def _left(facts: Mapping[str, Any]) -> str:
    positions = facts.get("positions") or ()
    named = [f"{each.get('shares')} {each.get('symbol')}" for each in positions]
    orders = facts.get("orders")
    if orders:
        named.append(f"{orders} order{'s' if orders > 1 else ''}")
    if orders is None and not named:
        return "what is not known yet"
    return ", ".join(named) or "nothing"


def _listed(reasons: Any) -> str:
    return ", ".join(str(reason).replace("_", " ") for reason in reasons or ())


def _span(facts: Mapping[str, Any]) -> str:
    seconds = int(facts.get("forSec") or 0)
    return f"{seconds // 60} min" if seconds >= 120 else f"{seconds} s"
