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
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise FunctionError(f"unable to parse url: parse {quote(text)}: net/url: invalid control character in URL")
    rest, _, fragment = text.partition("#")
    rest, _, query = rest.partition("?")
    scheme, rest = _scheme(rest, text)
    opaque = ""
    host = userinfo = ""
    if scheme and rest and not rest.startswith("/"):
        opaque, rest = rest, ""
    elif rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        user, at, host = authority.rpartition("@")
        userinfo = _user(user) if at else ""
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


def _scheme(rest: str, whole: str) -> tuple[str, str]:
    head, colon, tail = rest.partition(":")
    if not colon or "/" in head:
        return "", rest
    if not head:
        raise FunctionError(f"unable to parse url: parse {quote(whole)}: missing protocol scheme")
    if head[0].isascii() and head[0].isalpha() and all(c.isascii() and (c.isalnum() or c in "+-.") for c in head):
        return head, tail
    if not head[0].isalpha():
        raise FunctionError(
            f"unable to parse url: parse {quote(whole)}: first path segment in URL cannot contain colon"
        )
    return "", rest


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
        out += part["host"]
    path = percent(part["path"], safe="/$&+,:;=@-_.~!*'()")
    if path and path[0] != "/" and part["host"]:
        out += "/"
    if not out and ":" in path.partition("/")[0]:
        out += "./"
    return out + path + tail
