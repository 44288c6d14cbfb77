"""Heads of requests out of the fields of HTTP/2, by the rules of Go's server. No I/O in here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pyconsul.agent.http.heads import MANY_HEADERS, READ_HEADERS, Head, Refused, parse_target
from pyconsul.agent.http.hpack_fields import Field, field_size

_PSEUDO: Final = frozenset((b":method", b":scheme", b":authority", b":path"))
_OF_ONE_CONNECTION: Final = ("connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade")
_LOOKED_AT: Final = READ_HEADERS.union(_OF_ONE_CONNECTION, ("te",))
_IN_VALUES: Final = bytes((9, *range(32, 127), *range(128, 256)))
_IN_NAMES: Final = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"


class HeadFields:
    """The fields of one block, as far as they count for no more than ``most`` bytes together.

    ``is_bad``: no request has such fields. ``is_too_long``: those that came later are not here.
    """

    __slots__ = ("_fields", "_pseudo", "is_bad", "is_too_long", "room")

    def __init__(self, most: int) -> None:
        self.room = most
        self.is_bad = False
        self.is_too_long = False
        self._pseudo: dict[bytes, str] = {}
        self._fields: dict[str, str] = {}

    def add(self, field: Field) -> None:
        """Take the next field. Of very many only those that somebody reads are kept, as over HTTP/1."""
        if self.is_bad or self.is_too_long:
            return
        name, value = field
        if value.translate(None, _IN_VALUES):
            self.is_bad = True
        elif (size := field_size(field)) > self.room:
            self.room = 0
            self.is_too_long = True
        elif name in _PSEUDO:
            self.room -= size
            self._add_pseudo(name, value)
        elif not name or name.translate(None, _IN_NAMES):
            self.is_bad = True
        else:
            self.room -= size
            self._add_regular(name.decode(), value)

    def _add_pseudo(self, name: bytes, value: bytes) -> None:
        self.is_bad = bool(self._fields) or name in self._pseudo
        self._pseudo[name] = value.decode("utf-8", "surrogateescape")

    def _add_regular(self, name: str, value: bytes) -> None:
        if len(self._fields) < MANY_HEADERS or name in _LOOKED_AT:
            self._fields.setdefault(name, value.decode("utf-8", "surrogateescape").strip(" \t"))

    @property
    def declared_length(self) -> str:
        """Bytes that the body is said to have, "" where that is not said, or is no number."""
        text = self._fields.get("content-length", "")
        return text if _is_length(text) else ""

    def head(self, *, ended: bool) -> Head:
        """The head of a request; ``host`` is the authority. Raises Refused where it is none."""
        pseudo, fields = self._pseudo, self._fields
        method, target = pseudo.get(b":method", ""), pseudo.get(b":path", "")
        if self.is_bad:
            raise Refused
        if method == "CONNECT":
            if pseudo.keys() != {b":method", b":authority"}:
                raise Refused
        elif not method or not target or pseudo.get(b":scheme") not in ("http", "https"):
            raise Refused
        fields["host"] = pseudo.get(b":authority") or fields.get("host", "")
        path, query = parse_target(method, target)
        head = Head(method, path, query, 1, fields)
        length = self.declared_length
        head.length = 0 if ended else int(length) if length else -1
        return head


def request_head(headers: Iterable[Field], *, ended: bool) -> Head:
    """The head of a request with these fields. Raises Refused where it is none."""
    found = HeadFields(1 << 62)
    for field in headers:
        found.add(field)
    return found.head(ended=ended)


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20


def header_fault(head: Head) -> str:
    """Go's sentence about a header that makes no sense in HTTP/2, or ""."""
    for name in _OF_ONE_CONNECTION:
        if name in head.headers:
            return f'request header "{name.title()}" is not valid in HTTP/2'
    if head.headers.get("te", "trailers") not in ("trailers", ""):
        return 'request header "TE" may only be "trailers" in HTTP/2'
    return ""
