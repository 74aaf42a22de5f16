"""The ledger, under the name that other programs import: see ``bot.trading.ledger``."""

from bot.trading.idempotency import IdempotencyKey
from bot.trading.ledger import Ledger

__all__ = ["IdempotencyKey", "Ledger"]
