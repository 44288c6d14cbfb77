"""Paths and URLs of the sprig library."""

from __future__ import annotations

import posixpath
import re
from typing import Any
from urllib.parse import quote as percent
from urllib.parse import unquote

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import kind_of
from pyconsul.lang.strconv import quote
from pyconsul_template.functions.registry import function


def _clean(path: str) -> str:
    cleaned = posixpath.normpath(path) if path else "."
    return "/" + cleaned.lstrip("/") if path.startswith("/") else cleaned


def _base(path: str) -> str:
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def _dir(path: str) -> str:
    head, slash, _ = path.rpartition("/")
    return _clean(head + slash) if slash else "."


def _ext(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[name.rfind(".") :] if "." in name else ""


def _is_abs(path: str) -> bool:
    return path.startswith("/")


for _prefix in ("sprig_", "sprig_os"):
    for _name, _call in (("base", _base), ("dir", _dir), ("clean", _clean), ("ext", _ext), ("isAbs", _is_abs)):
        function(_prefix + (_name[0].upper() + _name[1:] if _prefix.endswith("os") else _name), "string")(_call)


_USERINFO = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_USER_SAFE = "-_.~$&+,;="


@function("sprig_urlParse", "string")
def url_parse(text: str) -> dict[str, Any]:
    """The parts of a URL."""
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


def _refused(text: str, reason: str) -> FunctionError:
    return FunctionError(f"unable to parse url: parse {quote(text)}: {reason}")


def _check_escapes(part: str, shown: str) -> None:
    wrong = re.search(r"%(?![0-9a-fA-F]{2}).{0,2}", part)
    if wrong:
        raise _refused(shown, f"invalid URL escape {quote(wrong[0])}")


def _authority(text: str, whole: str, scheme: str) -> tuple[str, str]:
    """Host and user of what stands behind the slashes."""
    user, at, host = text.rpartition("@")
    _check_host(host, whole, scheme)
    if not _USERINFO.fullmatch(user):
        raise _refused(whole, "net/url: invalid userinfo")
    _check_escapes(user, whole)
    return host, _user(user) if at else ""


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


def _user(text: str) -> str:
    name, colon, password = text.partition(":")
    shown = percent(unquote(name), safe=_USER_SAFE)
    return shown + (colon + percent(unquote(password), safe=_USER_SAFE) if colon else "")


def _hostname(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, port = host.rpartition(":")
    return name if colon and (port.isdigit() or not port) else host


@function("sprig_urlJoin", "map[string]any")
def url_join(parts: dict[str, Any]) -> str:
    """A URL from its parts."""
    for name in ("scheme", "host", "path", "query", "opaque", "fragment", "userinfo"):
        if name in parts and not isinstance(parts[name], str):
            found = kind_of(parts[name])
            raise FunctionError(f"unable to parse {name} key, must be of type string, but {found} found")
    user = parts.get("userinfo", "")
    if not _USERINFO.fullmatch(user):
        said = quote(f"proto://{user}@host")
        raise FunctionError(f"unable to parse userinfo in dict: parse {said}: net/url: invalid userinfo")
    part: dict[str, str] = {
        **dict.fromkeys(("scheme", "host", "path", "query", "opaque", "fragment", "userinfo"), ""),
        **parts,
    }
    return _joined(part)


def _joined(part: dict[str, str]) -> str:
    """The text of a URL, put together as Go does it."""
    out = part["scheme"] + ":" if part["scheme"] else ""
    tail = "?" + part["query"] if part["query"] else ""
    tail += "#" + percent(part["fragment"], safe="/?:@!$&'()*+,;=-._~") if part["fragment"] else ""
    if part["opaque"]:
        return out + part["opaque"] + tail
    if any(part[name] for name in ("scheme", "host", "userinfo")):
        if any(part[name] for name in ("host", "path", "userinfo")):
            out += "//"
        out += _user(part["userinfo"]) + "@" if part["userinfo"] else ""
        out += percent(part["host"], safe="!$&'()*+,;=:[]<>\"%")
    path = percent(part["path"], safe="/$&+,:;=@-_.~!*'()")
    if path and path[0] != "/" and part["host"]:
        out += "/"
    if not out and ":" in path.partition("/")[0]:
        out += "./"
    return out + path + tail
