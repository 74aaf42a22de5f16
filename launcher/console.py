"""The one terminal that all parts share."""

import os
import threading
from io import TextIOWrapper


class Console:
    """Prints whole lines, each behind the name of the part that wrote it."""

    WIDTH = 8

    def __init__(self, stream: TextIOWrapper) -> None:
        stream.reconfigure(errors="replace")  # an old locale is no reason to fail either
        self._stream = stream
        self._turn = threading.Lock()

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads it, and not a file or another program, which would keep it."""
        return self._stream.isatty()

    def line(self, part: str, text: str) -> None:
        self._write(f"{part:<{self.WIDTH}} | {text}\n")

    def say(self, text: str) -> None:
        """Speaks for Pitboss itself."""
        for line in text.splitlines():
            self.line("pitboss", line)

    def block(self, text: str) -> None:
        """Prints several lines that stay together and carry no prefix, to be read and copied."""
        self._write(text if text.endswith("\n") else text + "\n")

    def _write(self, text: str) -> None:
        with self._turn:
            try:
                self._stream.write(text)
                self._stream.flush()
            except OSError:
                # A closed terminal is no reason to stop; what is still unwritten must not spoil the exit code.
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
