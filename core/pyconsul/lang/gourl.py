"""URLs as Go's ``net/url`` takes them apart and puts them together, with its refusals.

Strings are Go's (``strconv``): a byte that is no UTF-8, escaped or not, stands as a lone surrogate.
"""

from __future__ import annotations

import re
import string
from base64 import b64encode
from functools import cache
from typing import Final
from urllib.parse import quote as percent_encoded
from urllib.parse import unquote_to_bytes

import msgspec

from pyconsul.lang import netip, strconv
from pyconsul.lang.strconv import quote

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_USERINFO: Final = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_PORT: Final = re.compile(r"(?::[0-9]*)?")

# What Go leaves as it is, besides letters, digits and ``-._~``, when it writes a part of a URL.
_SAFE_IN_USER: Final = "$&+,;="
_SAFE_IN_HOST: Final = "!$&'()*+,;=:[]<>\""
_SAFE_IN_PATH: Final = "$&+,/:;=@"
_SAFE_IN_FRAGMENT: Final = "$&+,/:;=?@!()*"
_ENCODED: Final = re.compile(r"[-A-Za-z0-9._~/!$&'()*+,;=:@\[\]%]*")  # a path that stays as it was written
_ENCODED_FRAGMENT: Final = re.compile(r"[-A-Za-z0-9._~/!$&'()*+,;=:@\[\]%?]*")

_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST_CHARS: Final = frozenset("-._~!$&'()*+,;=:[]<>\"" + string.ascii_letters + string.digits)
_NOT_IN_HOST: Final = re.escape("".join(chr(n) for n in range(128) if chr(n) not in _HOST_CHARS and n != ord("%")))
# In a host only bytes beyond ASCII are escaped, and the percent sign before a zone (RFC 6874, section 2).
_BAD_IN_HOST: Final = re.compile(f"%(?!25|[89A-Fa-f][0-9A-Fa-f])|[{_NOT_IN_HOST}]")


@cache  # made for the first zone that comes: few URLs have any
def _bad_in_zone() -> re.Pattern[str]:
    escapes = "|".join(f"{ord(char):02x}" for char in sorted(_HOST_CHARS | {"%", " "}))
    return re.compile(f"%(?!(?i:{escapes}))|[{_NOT_IN_HOST}]")


class UrlError(ValueError):
    """A text that is no URL; ``str()`` is Go's message."""


class _Fault(Exception):
    """What is wrong with a part, before it is told of which URL."""


class Userinfo(msgspec.Struct, frozen=True):
    """Name and password, unescaped; ``password`` is None where no colon stood."""

    name: str
    password: str | None = None

    def text(self) -> str:
        """Both with the escapes they need."""
        shown = _escaped(self.name, _SAFE_IN_USER)
        return shown if self.password is None else f"{shown}:{_escaped(self.password, _SAFE_IN_USER)}"


class Url(msgspec.Struct, frozen=True):
    """The parts of a URL, unescaped; ``opaque`` and ``query`` are as they were written.

    ``host`` has the port behind it. The ``raw_`` parts are set where they were escaped in a way that is not Go's own;
    ``force_query`` tells that a ``?`` stood before nothing, ``omit_host`` that a path followed the scheme.
    """

    scheme: str = ""
    opaque: str = ""
    user: Userinfo | None = None
    host: str = ""
    path: str = ""
    query: str = ""
    fragment: str = ""
    raw_path: str = ""
    raw_fragment: str = ""
    force_query: bool = False
    omit_host: bool = False

    def hostname(self) -> str:
        """The host without port and brackets."""
        name = self._split_host()[0]
        return name[1:-1] if name.startswith("[") and name.endswith("]") else name

    def port(self) -> str:
        """The digits behind the host's last colon, or ""."""
        return self._split_host()[1]

    def basic_authorization(self) -> str:
        """The value of an Authorization header for the user in the URL, or "" (RFC 7617)."""
        if self.user is None:
            return ""
        pair = strconv.to_bytes(f"{self.user.name}:{self.user.password or ''}")
        return f"Basic {b64encode(pair).decode()}"

    def _split_host(self) -> tuple[str, str]:
        name, colon, port = self.host.rpartition(":")
        return (name, port) if colon and _PORT.fullmatch(f":{port}") else (self.host, "")

    def escaped_path(self) -> str:
        """The path as it is sent: as it was written where that can be, else with Go's escapes."""
        if self.raw_path and _ENCODED.fullmatch(self.raw_path):
            return self.raw_path
        return "*" if self.path == "*" else _escaped(self.path, _SAFE_IN_PATH)

    def text(self) -> str:
        """The whole URL, put together."""
        start = f"{self.scheme}:" if self.scheme else ""
        return start + (self.opaque or self._hierarchy(start)) + self._tail()

    def _hierarchy(self, start: str) -> str:
        """Authority and path."""
        path = self.escaped_path()
        if not start and not self.host and self.user is None:
            # A colon in the first segment would make a scheme of it (RFC 3986, section 4.2).
            return f"./{path}" if ":" in path.partition("/")[0] else path
        if self.omit_host and not self.host and self.user is None:
            return path
        slashes = "//" if self.host or self.path or self.user else ""
        user = f"{self.user.text()}@" if self.user else ""
        between = "/" if path and not path.startswith("/") and self.host else ""
        return f"{slashes}{user}{_escaped(self.host, _SAFE_IN_HOST)}{between}{path}"

    def _tail(self) -> str:
        query = f"?{self.query}" if self.force_query or self.query else ""
        return query + (f"#{self._escaped_fragment()}" if self.fragment else "")

    def _escaped_fragment(self) -> str:
        if self.raw_fragment and _ENCODED_FRAGMENT.fullmatch(self.raw_fragment):
            return self.raw_fragment
        return _escaped(self.fragment, _SAFE_IN_FRAGMENT)


def parse(text: str, *, strict_colons: bool = True) -> Url:
    """The parts of a URL, which may be relative. Raises UrlError.

    ``strict_colons`` is Go's setting ``urlstrictcolons``: of an ``http`` or ``https`` host the first colon begins
    the port, so that ``a::80`` is refused; programs whose ``go.mod`` asks for less than Go 1.26 take the last one.
    """
    whole, _, fragment = text.partition("#")
    try:
        url = _read(whole, strict_colons)
    except _Fault as fault:
        raise UrlError(f"parse {quote(whole)}: {fault}") from None
    try:
        plain, raw = _plain_and_raw(fragment, _SAFE_IN_FRAGMENT)
    except _Fault as fault:
        raise UrlError(f"parse {quote(text)}: {fault}") from None
    return msgspec.structs.replace(url, fragment=plain, raw_fragment=raw)


def resolve(base: Url, reference: Url) -> Url:
    """What a reference means that was found at ``base`` (RFC 3986, section 5.2)."""
    replace = msgspec.structs.replace
    found = replace(reference, scheme=reference.scheme or base.scheme)
    if reference.scheme and reference.opaque:
        return found
    if reference.scheme or reference.host or reference.user is not None:
        return _with_path(found, _without_dots(reference.escaped_path()))
    if not reference.path and not reference.force_query and not reference.query:
        found = replace(found, query=base.query)
        if not reference.fragment:
            found = replace(found, fragment=base.fragment, raw_fragment=base.raw_fragment)
    if not reference.path and base.opaque:
        return replace(found, opaque=base.opaque)
    start, path = base.escaped_path(), reference.escaped_path()
    if path and not path.startswith("/"):
        path = start[: start.rfind("/") + 1] + path
    return _with_path(replace(found, host=base.host, user=base.user), _without_dots(path or start))


def _without_dots(path: str) -> str:
    """A path with its ``.`` and ``..`` followed."""
    if not path:
        return ""
    kept: list[str] = []
    parts = path.removeprefix("/").split("/")
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    if parts[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _with_path(url: Url, escaped: str) -> Url:
    plain, raw = _plain_and_raw(escaped, _SAFE_IN_PATH)
    return msgspec.structs.replace(url, path=plain, raw_path=raw)


def parse_request_uri(text: str, *, strict_colons: bool = True) -> Url:
    """The parts of an absolute URL or path, as in the first line of a request; ``#`` means nothing in it.

    Raises UrlError.
    """
    try:
        if not text:
            raise _Fault("empty url")
        return _read(text, strict_colons, in_request=True)
    except _Fault as fault:
        raise UrlError(f"parse {quote(text)}: {fault}") from None


def _read(whole: str, strict_colons: bool, *, in_request: bool = False) -> Url:
    """All parts but the fragment."""
    if _CONTROL.search(whole):
        raise _Fault("net/url: invalid control character in URL")
    if whole == "*":
        return Url(path="*")
    if whole.startswith(":"):
        raise _Fault("missing protocol scheme")
    named = _SCHEME.match(whole)
    scheme = named[1].lower() if named else ""
    rest, mark, query = whole[named.end() if named else 0 :].partition("?")
    forced = bool(mark) and not query
    if not rest.startswith("/"):
        if scheme:
            return Url(scheme=scheme, opaque=rest, query=query, force_query=forced)
        if in_request:
            raise _Fault("invalid URI for request")
        if ":" in rest.partition("/")[0]:
            raise _Fault("first path segment in URL cannot contain colon")
    user, host = None, ""
    # Without a scheme ``///`` begins a path, and in the first line of a request ``//`` does, too.
    has_authority = rest.startswith("//") and (scheme or not (in_request or rest.startswith("///")))
    if has_authority:
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        user, host = _authority(authority, strict_colons and scheme in ("http", "https"))
    path, raw = _plain_and_raw(rest, _SAFE_IN_PATH)
    bare = bool(scheme) and not has_authority
    return Url(scheme, "", user, host, path, query, raw_path=raw, force_query=forced, omit_host=bare)


def _authority(text: str, first_colon: bool) -> tuple[Userinfo | None, str]:
    """User and host of what stands behind the slashes; the host is judged first, as Go does."""
    named, at, host = text.rpartition("@")
    host = _bracketed(host) if host.startswith("[") else _named_host(host, first_colon)
    if not at:
        return None, host
    if not _USERINFO.fullmatch(named):
        raise _Fault("net/url: invalid userinfo")
    name, colon, password = named.partition(":")
    name = _unescaped(name, _BAD_ESCAPE)
    return Userinfo(name, _unescaped(password, _BAD_ESCAPE) if colon else None), host


def _named_host(host: str, first_colon: bool) -> str:
    """A host without brackets, with its port."""
    if "[" in host:
        raise _Fault("invalid IP-literal")
    at = host.find(":") if first_colon else host.rfind(":")
    if at >= 0:
        _check_port(host[at:])
    return _unescaped(host, _BAD_IN_HOST)


def _bracketed(host: str) -> str:
    """An IPv6 address in brackets, perhaps with a zone, with its port."""
    if "[" in host[1:]:
        raise _Fault("invalid IP-literal")
    address, bracket, port = host[1:].rpartition("]")
    if not bracket:
        raise _Fault("missing ']' in host")
    _check_port(port)
    at = address.find("%25")
    start, zone = (address, "") if at < 0 else (address[:at], address[at:])
    address = _unescaped(start, _BAD_IN_HOST) + _unescaped(zone, _bad_in_zone())
    try:
        is_ipv4 = netip.is_ipv4(address)
    except netip.AddressError as error:
        raise _Fault(f"invalid host: {error}") from None
    if is_ipv4:
        raise _Fault("invalid IP-literal")
    return f"[{address}]{port}"


def _check_port(text: str) -> None:
    if not _PORT.fullmatch(text):
        raise _Fault(f"invalid port {quote(text)} after host")


def _plain_and_raw(text: str, safe: str) -> tuple[str, str]:
    """A part unescaped, and as it was written if Go would have written it otherwise."""
    plain = _unescaped(text, _BAD_ESCAPE)
    return plain, "" if text == _escaped(plain, safe) else text


def _unescaped(text: str, bad: re.Pattern[str]) -> str:
    """A part without its escapes; ``bad`` finds what must not stand in it."""
    wrong = bad.search(text)
    if wrong and wrong[0] == "%":
        raise _Fault(f"invalid URL escape {quote(_first_bytes(text[wrong.start() :], 3))}")
    if wrong:
        raise _Fault(f"invalid character {quote(wrong[0])} in host name")
    return strconv.from_bytes(unquote_to_bytes(strconv.to_bytes(text))) if "%" in text else text


def _first_bytes(text: str, count: int) -> str:
    return strconv.from_bytes(strconv.to_bytes(text[:count])[:count])


def _escaped(text: str, safe: str) -> str:
    return percent_encoded(text, safe=safe, errors="surrogateescape")
