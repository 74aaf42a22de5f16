"""The name under which other programs import the ledger: see ``bot.trading.ledger``."""

from bot.trading.ledger import Ledger

__all__ = ["Ledger"]
