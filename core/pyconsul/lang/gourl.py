"""URLs as Go's ``net/url`` takes them apart, with its refusals."""

from __future__ import annotations

import re
from urllib.parse import quote as percent
from urllib.parse import unquote

from pyconsul.lang.strconv import quote

USERINFO = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_USER_SAFE = "-_.~$&+,;="


class UrlError(ValueError):
    """A text that is no URL; ``str()`` is Go's message."""


def parse(text: str) -> dict[str, str]:
    """The parts of a URL, unescaped, by the names that template functions give them. Raises UrlError."""
    whole, _, fragment = text.partition("#")
    if re.search(r"[\x00-\x1f\x7f]", whole):
        raise _refused(whole, "net/url: invalid control character in URL")
    rest, _, query = whole.partition("?")
    scheme, rest = _scheme(rest, whole)
    opaque = host = userinfo = ""
    if not rest.startswith("/") and scheme:
        opaque, rest = rest, ""
    elif not rest.startswith("/") and ":" in rest.partition("/")[0]:
        raise _refused(whole, "first path segment in URL cannot contain colon")
    elif rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        host, userinfo = _authority(authority, whole, scheme.lower())
    _check_escapes(rest, whole)
    _check_escapes(fragment, text)
    return {
        "scheme": scheme.lower(),
        "host": unquote(host),
        "hostname": _hostname(host),
        "path": unquote(rest),
        "query": query,
        "opaque": opaque,
        "fragment": unquote(fragment),
        "userinfo": userinfo,
    }


def _refused(text: str, reason: str) -> UrlError:
    return UrlError(f"parse {quote(text)}: {reason}")


def _check_escapes(part: str, shown: str) -> None:
    wrong = re.search(r"%(?![0-9a-fA-F]{2}).{0,2}", part)
    if wrong:
        raise _refused(shown, f"invalid URL escape {quote(wrong[0])}")


def _authority(text: str, whole: str, scheme: str) -> tuple[str, str]:
    """Host and user of what stands behind the slashes."""
    user, at, host = text.rpartition("@")
    _check_host(host, whole, scheme)
    if not USERINFO.fullmatch(user):
        raise _refused(whole, "net/url: invalid userinfo")
    _check_escapes(user, whole)
    return host, user_shown(user) if at else ""


def _check_host(host: str, whole: str, scheme: str) -> None:
    """The port (of HTTP behind the first colon) is digits or nothing, and no character would end the name."""
    if host.startswith("[") and "]" not in host:
        raise _refused(whole, "missing ']' in host")
    if host.startswith("["):
        port = host.rpartition("]")[2]
    else:
        _, colon, number = host.partition(":") if scheme in ("http", "https") else host.rpartition(":")
        port = colon + number if colon else ""
    if not re.fullmatch(r"(:[0-9]*)?", port):
        raise _refused(whole, f"invalid port {quote(port)} after host")
    escape = re.search(r"%(?!25|[89a-fA-F][0-9a-fA-F]).{0,2}", host)
    if escape:
        raise _refused(whole, f"invalid URL escape {quote(escape[0])}")
    wrong = re.search(r"[^-A-Za-z0-9_.~!$&'()*+,;=:\[\]<>\"%\u0080-\U0010ffff]", host)
    if wrong:
        raise _refused(whole, f"invalid character {quote(wrong[0])} in host name")


def _scheme(rest: str, whole: str) -> tuple[str, str]:
    head, colon, tail = rest.partition(":")
    if not head and colon:
        raise _refused(whole, "missing protocol scheme")
    return (head, tail) if colon and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", head) else ("", rest)


def user_shown(text: str) -> str:
    """Name and password with the escapes they need."""
    name, colon, password = text.partition(":")
    shown = percent(unquote(name), safe=_USER_SAFE)
    return shown + (colon + percent(unquote(password), safe=_USER_SAFE) if colon else "")


def _hostname(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, port = host.rpartition(":")
    return name if colon and (port.isdigit() or not port) else host
