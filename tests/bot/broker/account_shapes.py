"""Answers about the account in the shapes that public sources show, as in ``shapes.py``."""

from __future__ import annotations

from typing import Any

from tests.bot.broker.shapes import DESCRIPTION, Row, Shape

CHANGELOG = "docs.alpaca.markets changelog of 2026-07-06, read 2026-11-27"
MARGIN_PAGE = "docs.alpaca.markets/docs/margin-and-short-selling, read 2026-11-27"

#: An account that may trade: every other is this one with changes.
ACCOUNT: Row = {
    "id": "7a0d3b52-1c44-4a8a-9f3e-0c2f6f3ad0aa",
    "admin_configurations": {},
    "user_configurations": None,
    "account_number": "PA3INVENTED1",
    "status": "ACTIVE",
    "crypto_status": "ACTIVE",
    "crypto_tier": 1,
    "currency": "USD",
    "buying_power": "103451.6266",
    "regt_buying_power": "103451.6266",
    "effective_buying_power": "103451.6266",
    "options_buying_power": "51725.8133",
    "non_marginable_buying_power": "48910.12",
    "options_approved_level": 2,
    "options_trading_level": 2,
    "cash": "50313.4133",
    "accrued_fees": "0",
    "pending_reg_taf_fees": "0.02",
    "pending_transfer_in": "0",
    "intraday_adjustments": "0",
    "portfolio_value": "52725.8133",
    "created_at": "2025-02-03T14:11:09.123456Z",
    "balance_asof": "2026-11-20",
    "multiplier": "2",
    "trading_blocked": False,
    "account_blocked": False,
    "transfers_blocked": False,
    "trade_suspended_by_user": False,
    "shorting_enabled": True,
    "equity": "52725.8133",
    "last_equity": "52711.02",
    "long_market_value": "2412.4",
    "short_market_value": "0",
    "position_market_value": "2412.4",
    "initial_margin": "1206.2",
    "maintenance_margin": "723.72",
    "last_maintenance_margin": "0",
    "sma": "51519.6133",
}


def account(name: str, source: str, means: Row, **changes: Any) -> Shape:
    return Shape(name, source, {**ACCOUNT, **changes}, {"blocks": (), **means})


ACCOUNTS = [
    account(
        "that may trade",
        CHANGELOG,
        {"equity": "52725.8133", "last_equity": "52711.02", "cash": "50313.4133", "objections": ()},
    ),
    account(
        "that is short and owes cash",
        MARGIN_PAGE,
        {"cash": "-120.5", "short_market_value": "-412.4", "objections": ()},
        cash="-120.5",
        short_market_value="-412.4",
    ),
    account(
        "without margin, whose buying power is its cash",
        MARGIN_PAGE,
        {"buying_power": "50313.4133"},
        multiplier="1",
        shorting_enabled=False,
        buying_power="50313.4133",
    ),
    account(
        "that Alpaca keeps from trading",
        DESCRIPTION,
        {"blocks": ("trading_blocked", "account_blocked")},
        trading_blocked=True,
        account_blocked=True,
    ),
    account(
        "whose owner has suspended it",
        DESCRIPTION,
        {
            "blocks": ("trade_suspended_by_user",),
            "objections": ("trade_suspended_by_user",),
        },
        trade_suspended_by_user=True,
    ),
    account(
        "that is being closed",
        DESCRIPTION,
        {"objections": ("status ACCOUNT_CLOSED_PENDING",)},
        status="ACCOUNT_CLOSED_PENDING",
    ),
    account(
        "whose transfers alone are blocked",
        DESCRIPTION,
        {"objections": ()},
        transfers_blocked=True,
    ),
]
