"""One Pitboss, from Python."""

from __future__ import annotations

import os
from typing import Self

from client.books import Books
from client.commands import Commands
from client.reading import Reading
from client.transport import PATIENCE_SEC, Http


class Pitboss(Commands, Books, Reading):
    """Steers one bot, records its trades, and reads what there is.

    Everything is sent until it is answered, for at most ``patience_sec``; what changes something carries an Idempotency-Key, so
    that nothing happens twice. Use one object for each thread.
    """

    def __init__(self, url: str, token: str, *, patience_sec: float = PATIENCE_SEC) -> None:
        self._http = Http(url, token, patience_sec=patience_sec)

    @classmethod
    def from_environment(cls, **options: float) -> Self:
        """The one at ``PITBOSS_URL``, with ``PITBOSS_TOKEN``.

        Raises:
            KeyError: one of them is not set.
        """
        return cls(os.environ["PITBOSS_URL"], os.environ["PITBOSS_TOKEN"], **options)

    @property
    def url(self) -> str:
        """Its address."""
        return self._http.root

    def close(self) -> None:
        """Give its connections back."""
        self._http.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
