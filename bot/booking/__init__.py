"""The books: the one place that changes what a trade holds, what it earned, and the statistics of its days.

The ledger, reconciliation, settlements and a flatten all change trades through it, so that money is counted once and every
change leaves an event. Use it under the lock on the singleton row; it commits nothing::

    with Booking(session, Author("executor")) as books:
        books.book_exit(trade, shares=Decimal(40), price=Decimal("9.98"), at=at, source=ExitSource.LEDGER)
"""

from bot.booking.author import Author
from bot.booking.booking import Booking
from bot.booking.bulk import miss_many, void_many

__all__ = ["Author", "Booking", "miss_many", "void_many"]
