"""Paths and URLs of the sprig library."""

from __future__ import annotations

import posixpath
from typing import Any
from urllib.parse import quote as percent

from pyconsul.lang import gourl
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


@function("sprig_urlParse", "string")
def url_parse(text: str) -> dict[str, str]:
    """The parts of a URL."""
    try:
        return gourl.parse(text)
    except gourl.UrlError as error:
        raise FunctionError(f"unable to parse url: {error}") from None


@function("sprig_urlJoin", "map[string]any")
def url_join(parts: dict[str, Any]) -> str:
    """A URL from its parts."""
    for name in ("scheme", "host", "path", "query", "opaque", "fragment", "userinfo"):
        if name in parts and not isinstance(parts[name], str):
            found = kind_of(parts[name])
            raise FunctionError(f"unable to parse {name} key, must be of type string, but {found} found")
    user = parts.get("userinfo", "")
    if not gourl.USERINFO.fullmatch(user):
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
        out += gourl.user_shown(part["userinfo"]) + "@" if part["userinfo"] else ""
        out += percent(part["host"], safe="!$&'()*+,;=:[]<>\"%")
    path = percent(part["path"], safe="/$&+,:;=@-_.~!*'()")
    if path and path[0] != "/" and part["host"]:
        out += "/"
    if not out and ":" in path.partition("/")[0]:
        out += "./"
    return out + path + tail
