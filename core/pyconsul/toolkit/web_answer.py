"""HTTP/1.x answers as Go's client reads them: lenient where it is, and what is wrong in its words. No I/O.

Checks judge a service by what Consul would make of its answer; a stricter or laxer parser gives other verdicts.
"""

from __future__ import annotations

import re
from typing import Final

from pyconsul.sdk.answer_faults import BROKEN, head_fault
from pyconsul.sdk.http1 import ProtocolError

_MAX_HEAD: Final = 10 << 20  # bytes
_MAX_CHUNK_LINE: Final = 4096  # bytes, extensions included
_MAX_DIGITS: Final = 16  # of a chunk's length
_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")
_HEX: Final = re.compile(rb"[0-9A-Fa-f]+")
_SWITCHED: Final = 101
_BODILESS: Final = (204, 304)


class WebAnswer:
    """One answer. Feed it bytes; look at ``has_head``, ``is_complete``, and take the body."""

    def __init__(self, method: str) -> None:
        self.status = 0
        self.line = ""  # the status with its reason, ``404 Not Found``, as it came
        self.headers: dict[str, str] = {}  # names in lower case, the first value of each
        self.has_head = False
        self.is_complete = False
        self.has_begun = False
        self._has_body = method != "HEAD"
        self._unread = bytearray()
        self._seen = 0  # of a head that is not whole, so far looked at
        self._body = bytearray()
        self._left: int | None = None  # bytes of the body, or of its chunk, still to come; None: until the end
        self._is_chunked = False
        self._is_between = False  # two chunks: the line end behind the last one has not come yet
        self._has_last_chunk = False
        self._fault: ProtocolError | None = None

    def feed(self, data: bytes) -> None:
        """Take bytes as they come. Raises ProtocolError for a head that is none; of a body ``take_body`` tells."""
        self.has_begun = True
        self._unread += data
        while not self.has_head and self._read_head():
            pass

    def feed_end(self) -> None:
        """The peer closed the connection. Raises ProtocolError unless that ends the answer properly."""
        if self.is_complete:
            return
        if not self.has_begun:
            raise ProtocolError("EOF")
        if not self.has_head:
            fault = head_fault(bytes(self._unread)) if self._unread else ""
            raise ProtocolError(fault or f"{BROKEN}unexpected EOF")
        if self._left is not None:
            raise ProtocolError("unexpected EOF")
        self.is_complete = True

    def take_body(self) -> bytes:
        """What has come of the body since the last call. Raises ProtocolError when no more can come."""
        if self._fault is None:
            try:
                self._read_body()
            except ProtocolError as error:
                self._fault = error
        taken = bytes(self._body)
        self._body.clear()
        if not taken and self._fault is not None:
            raise self._fault
        return taken

    def _read_head(self) -> bool:
        """Whether a whole head was there; an interim one (1xx) is passed over."""
        end = _END_OF_HEAD.search(self._unread, max(self._seen - 2, 0))
        self._seen = len(self._unread)
        if max(end.start() if end else 0, 0 if end else self._seen) > _MAX_HEAD:
            raise ProtocolError(f"{BROKEN}net/http: server response headers exceeded {_MAX_HEAD} bytes; aborted")
        if end is None:
            return self._refuse_what_is_no_status()
        head = bytes(self._unread[: end.end()])
        del self._unread[: end.end()]
        self._seen = 0
        if fault := head_fault(head):
            raise ProtocolError(fault)
        self._take_head(head.decode("utf-8", "replace"))
        return True

    def _refuse_what_is_no_status(self) -> bool:
        """Complain about a first line that can be judged already. Raises ProtocolError."""
        at = self._unread.find(b"\n")
        if at >= 0 and (fault := head_fault(bytes(self._unread[: at + 1]))):
            raise ProtocolError(fault)
        return False

    def _take_head(self, text: str) -> None:
        first, *lines = (line.removesuffix("\r") for line in text.split("\n"))
        version, _, rest = first.partition(" ")
        self.line = rest.lstrip(" ")
        self.status = int(self.line[:3])
        if 100 <= self.status < 200 and self.status != _SWITCHED:
            return
        self.has_head = True
        for line in lines:
            name, colon, value = line.partition(":")
            if colon and not line.startswith((" ", "\t")):
                self.headers.setdefault(name.lower(), value.strip(" \t"))
        self._is_chunked = "transfer-encoding" in self.headers and version != "HTTP/1.0"
        if not self._has_body or self.status in _BODILESS:
            self.is_complete = True
        elif self._is_chunked:
            self._left = 0
        elif self.status != _SWITCHED and "content-length" in self.headers:
            self._left = int(self.headers["content-length"])
            self.is_complete = self._left == 0

    def _read_body(self) -> None:
        while self._unread and not self.is_complete:
            if self._left is None:
                self._take(len(self._unread))
            elif self._left:
                self._left -= self._take(self._left)
                self._is_between = self._is_chunked and not self._left
                self.is_complete = not self._is_chunked and not self._left
            elif not self._read_between():
                return

    def _take(self, size: int) -> int:
        """Move so many bytes into the body, or as many as there are; returns their number."""
        piece = self._unread[:size]
        del self._unread[:size]
        self._body += piece
        return len(piece)

    def _read_between(self) -> bool:
        """Whether there was all of what stands between two chunks, or behind the last one. Raises ProtocolError."""
        if self._is_between:
            if len(self._unread) < 2:
                return False
            if not self._unread.startswith(b"\r\n"):
                raise ProtocolError("malformed chunked encoding")
            del self._unread[:2]
            self._is_between = False
            return True
        at = self._unread.find(b"\n")
        if at >= _MAX_CHUNK_LINE or (at < 0 and len(self._unread) >= _MAX_CHUNK_LINE):
            raise ProtocolError("header line too long")
        if at < 0:
            return False
        line = bytes(self._unread[:at])
        del self._unread[: at + 1]
        if self._has_last_chunk:
            self.is_complete = line in (b"", b"\r")  # trailers are passed over
            return True
        self._left = _chunk_length(line)
        self._has_last_chunk = self._left == 0
        return True


def _chunk_length(line: bytes) -> int:
    """The length that a chunk's first line tells. Raises ProtocolError."""
    if not line.endswith(b"\r"):
        raise ProtocolError("chunked line ends with bare LF")
    digits = line.partition(b";")[0].strip(b" \t\r")
    if not digits:
        raise ProtocolError("empty hex number for chunk length")
    if not _HEX.fullmatch(digits):
        raise ProtocolError("invalid byte in chunk length")
    if len(digits) > _MAX_DIGITS:
        raise ProtocolError("http chunk length too large")
    return int(digits, 16)
