"""A request while it arrives, before a thread works on it: whether it is complete, and which route it is for.

Only what is needed to find the end of the request is parsed here; gunicorn parses and checks the complete request itself.
"""

from __future__ import annotations

import re

from web.http.json_request import MAX_BODY

#: Longest head of a request, in bytes; the longest request line is gunicorn's own limit.
MAX_HEAD = 64 * 1024
MAX_LINE = 4094
#: How much longer than its content a chunked body may be, in bytes.
MAX_CHUNKING = 64 * 1024

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*\bchunked[ \t]*\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
#: The routes that halt the bot, which have threads and connections of their own.
_URGENT = re.compile(rb"POST /api/bot/(?:kill|stop|pause)[ ?]")


class Rejected(Exception):
    """The request is rejected before it is complete; *status* says why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class ArrivingRequest:
    """The bytes of one request, and those sent after it, in order of arrival."""

    def __init__(self, first: bytes = b"") -> None:
        self._data = bytearray(first)
        self._head_end = 0
        self._end: int | None = None
        self._chunk_at: int | None = None
        #: Whether the client waits for ``100 Continue`` before it sends the body.
        self.expects_word = False

    @property
    def has_begun(self) -> bool:
        return bool(self._data)

    @property
    def is_urgent(self) -> bool:
        return _URGENT.match(self._data) is not None

    def add(self, data: bytes) -> None:
        self._data += data

    def is_complete(self) -> bool:
        """Whether the whole request has arrived.

        Raises:
            Rejected: it is larger than allowed.
        """
        if self._end is None and not self._read_head():
            return False
        if self._chunk_at is not None:
            return self._read_chunks()
        return self._end is not None and len(self._data) >= self._end

    def take(self) -> tuple[bytes, bytes]:
        """The complete request, and the bytes after it."""
        end = self._end or len(self._data)
        return bytes(self._data[:end]), bytes(self._data[end:])

    def _read_head(self) -> bool:
        if self._chunk_at is not None:
            return True
        # a client may end its last request with an empty line too many
        while self._data.startswith(b"\r\n"):
            del self._data[:2]
        found = self._data.find(_END_OF_HEAD)
        if found < 0 or found > MAX_HEAD:
            if len(self._data) > MAX_HEAD:
                raise Rejected(431 if 0 <= self._data.find(b"\r\n") <= MAX_LINE else 414)
            return False
        head = bytes(self._data[: found + 2])
        if _EXPECT.search(head):
            # answered from here; gunicorn would do it again
            head, self.expects_word = _EXPECT.sub(b"", head), True
            self._data[: found + 2] = head
        self._head_end = len(head) + 2
        length = _LENGTH.search(head)
        if _CHUNKED.search(head):
            if length:
                self._end = self._head_end  # two lengths: gunicorn rejects it
            else:
                self._chunk_at = self._head_end
            return True
        body = int(length[1]) if length else 0
        if body > MAX_BODY:
            raise Rejected(413)
        self._end = self._head_end + body
        return True

    def _read_chunks(self) -> bool:
        """Whether the last chunk has arrived. Anything that is not a chunk is left to gunicorn, which rejects it."""
        while self._chunk_at is not None and self._end is None:
            if len(self._data) - self._head_end > MAX_BODY + MAX_CHUNKING:
                raise Rejected(413)
            line_end = self._data.find(b"\r\n", self._chunk_at)
            if line_end < 0:
                return False
            try:
                size = int(bytes(self._data[self._chunk_at : line_end]).partition(b";")[0], 16)
            except ValueError:
                self._end = len(self._data)
                return True
            if size == 0:
                return self._read_trailers(line_end)
            if size > MAX_BODY:
                raise Rejected(413)
            next_at = line_end + 2 + size + 2
            if len(self._data) < next_at:
                return False
            self._chunk_at = next_at
        return True

    def _read_trailers(self, line_end: int) -> bool:
        if self._data[line_end : line_end + 4] == _END_OF_HEAD:
            self._end = line_end + 4
            return True
        found = self._data.find(_END_OF_HEAD, line_end)
        if found < 0:
            return False
        self._end = found + 4
        return True
