"""What is wrong with the head of an answer, in the words of Go's client; read only when something is."""

from __future__ import annotations

import re

from pyconsul.lang.strconv import quote

_VERSION = re.compile(r"HTTP/[0-9]\.[0-9]")
_STATUS = re.compile(r"[+-]?[0-9]+")
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z ]+")
_BAD_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(r"[0-9]+")
_MAX_LENGTH = (1 << 63) - 1
BROKEN = "net/http: HTTP/1.x transport connection broken: "


def head_fault(head: bytes) -> str:
    """Why Go would not take a head, as far as it came; "" for one that it might take."""
    text = head.decode("utf-8", "surrogateescape")
    line, *rest = (each.removesuffix("\r") for each in text.split("\n"))
    fault = _status_fault(line) or _headers_fault(rest)
    return BROKEN + fault if fault else ""


def _status_fault(line: str) -> str:
    version, space, status = line.partition(" ")
    if not space:
        return f"malformed HTTP response {quote(line)}"
    code = status.lstrip(" ").partition(" ")[0]
    if len(code) != 3 or not _STATUS.fullmatch(code) or code.startswith("-"):
        return f"malformed HTTP status code {quote(code)}"
    return "" if _VERSION.fullmatch(version) else f"malformed HTTP version {quote(version)}"


def _headers_fault(lines: list[str]) -> str:
    if lines and lines[0].startswith((" ", "\t")):
        return f"malformed MIME header initial line: {quote(lines[0])}"
    found: dict[str, list[str]] = {}
    for line in lines[: lines.index("")] if "" in lines else lines[:-1]:
        if line.startswith((" ", "\t")):  # goes on with the one before
            continue
        name, colon, value = line.partition(":")
        if not colon:
            return f"malformed MIME header: missing colon: {quote(line)}"
        if not _NAME.fullmatch(name) or _BAD_IN_VALUE.search(value):
            return f"malformed MIME header line: {quote(line)}"
        found.setdefault(name.lower(), []).append(value.strip())
    return _framing_fault(found)


def _framing_fault(headers: dict[str, list[str]]) -> str:
    """What is wrong with how the body's end is told."""
    coding = headers.get("transfer-encoding", ["chunked"])
    if coding[0].lower() != "chunked" or len(coding) > 1:
        what = quote(coding[0]) if len(coding) == 1 else "[" + " ".join(map(quote, coding)) + "]"
        kind = "unsupported transfer encoding: " if len(coding) == 1 else "too many transfer encodings: "
        return kind + what
    lengths = headers.get("content-length", ["0"])
    if len(set(lengths)) > 1:
        shown = " ".join(map(quote, lengths))
        return f"http: message cannot contain multiple Content-Length headers; got [{shown}]"
    if not lengths[0]:
        return 'invalid empty Content-Length ""'
    is_number = _LENGTH.fullmatch(lengths[0]) and int(lengths[0]) <= _MAX_LENGTH
    return "" if is_number else f"bad Content-Length {quote(lengths[0])}"
