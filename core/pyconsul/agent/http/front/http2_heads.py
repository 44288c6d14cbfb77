"""Heads of requests out of the fields of HTTP/2, by the rules of Go's server. No I/O in here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pyconsul.agent.http.front.heads import Head, Refused, is_token, parse_target

Field = tuple[bytes, bytes]

_OVERHEAD: Final = 32  # bytes that a field counts for beside its text (RFC 9113, section 6.5.2)
_PSEUDO: Final = frozenset((":method", ":scheme", ":authority", ":path"))
_OF_ONE_CONNECTION: Final = ("connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade")
_ILLEGAL: Final = frozenset(map(chr, (*range(9), *range(10, 32), 127)))


def size_of(headers: Iterable[Field]) -> int:
    """Bytes that a list of fields counts for."""
    return sum(len(name) + len(value) + _OVERHEAD for name, value in headers)


def request_head(headers: Iterable[Field], *, ended: bool) -> Head:
    """The head of a request; ``host`` is the authority. Raises Refused where it is none."""
    pseudo: dict[str, str] = {}
    fields: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("utf-8", "surrogateescape")
        if not _ILLEGAL.isdisjoint(value):
            raise Refused
        if name in _PSEUDO:
            if fields or name in pseudo:
                raise Refused
            pseudo[name] = value
        elif is_token(name) and name == name.lower():
            fields.setdefault(name, value.strip(" \t"))
        else:
            raise Refused
    return _head(pseudo, fields, ended=ended)


def _head(pseudo: dict[str, str], fields: dict[str, str], *, ended: bool) -> Head:
    method, target = pseudo.get(":method", ""), pseudo.get(":path", "")
    if method == "CONNECT":
        if pseudo.keys() != {":method", ":authority"}:
            raise Refused
    elif not method or not target or pseudo.get(":scheme") not in ("http", "https"):
        raise Refused
    fields["host"] = pseudo.get(":authority") or fields.get("host", "")
    if "@" in fields["host"]:  # a user, which has no place there
        raise Refused
    path, query = parse_target(method, target)
    head = Head(method, path, query, 1, fields)
    head.length = 0 if ended else _length(fields.get("content-length"))
    return head


def _length(text: str | None) -> int:
    """Bytes that the body will have, −1 where that is not said."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 20 else -1


def header_fault(head: Head) -> str:
    """Go's sentence about a header that makes no sense in HTTP/2, or ""."""
    for name in _OF_ONE_CONNECTION:
        if name in head.headers:
            return f'request header "{name.title()}" is not valid in HTTP/2'
    if head.headers.get("te", "trailers") not in ("trailers", ""):
        return 'request header "TE" may only be "trailers" in HTTP/2'
    return ""
