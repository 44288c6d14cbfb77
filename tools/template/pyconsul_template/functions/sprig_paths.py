"""Paths and URLs of the sprig library."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from typing import Any

from pyconsul.lang import gourl
from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import kind_of
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
        url = gourl.parse(text)
    except gourl.UrlError as error:
        raise FunctionError(f"unable to parse url: {error}") from None
    return {
        "scheme": url.scheme,
        "host": url.host,
        "hostname": url.hostname(),
        "path": url.path,
        "query": url.query,
        "opaque": url.opaque,
        "fragment": url.fragment,
        "userinfo": url.user.text() if url.user else "",
    }


@function("sprig_urlJoin", "map[string]any")
def url_join(parts: dict[str, Any]) -> str:
    """A URL from its parts."""
    for name in ("scheme", "host", "path", "query", "opaque", "fragment", "userinfo"):
        if name in parts and not isinstance(parts[name], str):
            found = kind_of(parts[name])
            raise FunctionError(f"unable to parse {name} key, must be of type string, but {found} found")
    part: defaultdict[str, str] = defaultdict(str, parts)
    return gourl.Url(
        scheme=part["scheme"],
        opaque=part["opaque"],
        user=_user(part["userinfo"]),
        host=part["host"],
        path=part["path"],
        query=part["query"],
        fragment=part["fragment"],
    ).text()


def _user(text: str) -> gourl.Userinfo | None:
    """Name and password as they stand in a URL."""
    try:
        return gourl.parse(f"proto://{text}@host").user if text else None
    except gourl.UrlError as error:
        raise FunctionError(f"unable to parse userinfo in dict: {error}") from None
