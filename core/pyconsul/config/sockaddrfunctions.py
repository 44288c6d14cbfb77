"""The functions of go-sockaddr templates, over the addresses of this host.

``expand`` runs a template whose dot is the list of all interface addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from pyconsul.config.hostinterfaces import InterfaceAddress, interface_addresses
from pyconsul.config.sockaddrattributes import attribute, reckoned, with_prefix
from pyconsul.config.sockaddrblocks import is_forwardable, is_private
from pyconsul.config.sockaddrselectors import part, regexp
from pyconsul.lang.gotemplate import Function, Template, TemplateError, signature
from pyconsul.lang.gotemplate.values import Slice, Stringer, type_of
from pyconsul.lang.strconv import quote
from pyconsul.primitives.untyped import is_list

_TYPE: Final = "sockaddr.IfAddrs"


class One(Stringer):
    """One interface address as a template value."""

    go_type = "sockaddr.IfAddr"

    def __init__(self, entry: InterfaceAddress) -> None:
        self.entry = entry

    def go_string(self) -> str:
        """Address and name, as the library prints them."""
        return f"{with_prefix(self.entry)} {self.entry.name}"


def expand(text: str, addresses: Callable[[], list[InterfaceAddress]] = interface_addresses) -> str:
    """The expanded text. Raises ValueError with the reason."""
    try:
        template = Template(text, _functions(addresses), name="sockaddr.Parse", missing_key="error")
    except TemplateError as error:
        raise ValueError(f"unable to parse template {quote(text)}: {error}") from None
    try:
        return template.execute(_slice(addresses()))
    except TemplateError as error:
        raise ValueError(f"unable to execute sockaddr input {quote(text)}: {error}") from None


def _slice(entries: Iterable[InterfaceAddress]) -> Slice:
    return Slice(_TYPE, [One(entry) for entry in entries])


def _entries(values: Sequence[One]) -> list[InterfaceAddress]:
    return [one.entry for one in values]


def _functions(read: Callable[[], list[InterfaceAddress]]) -> dict[str, Function]:
    def interface_ip(name: str) -> str:
        return _first(_of_interface(read(), name, forwardable=True))

    def interface_ips(name: str) -> str:
        return _joined(_of_interface(read(), name, forwardable=False))

    table: dict[str, tuple[str, Callable[..., Any]]] = {
        "GetAllInterfaces": ("", lambda: _slice(read())),
        "GetDefaultInterfaces": ("", lambda: _slice(one for one in read() if one.is_default)),
        "GetPrivateInterfaces": ("", lambda: _slice(_routable(read(), private=True))),
        "GetPublicInterfaces": ("", lambda: _slice(_routable(read(), private=False))),
        "GetPrivateIP": ("", lambda: _first(_routable(read(), private=True))),
        "GetPublicIP": ("", lambda: _first(_routable(read(), private=False))),
        "GetPrivateIPs": ("", lambda: _all_ips(read(), private=True)),
        "GetPublicIPs": ("", lambda: _all_ips(read(), private=False)),
        "GetInterfaceIP": ("string", interface_ip),
        "GetInterfaceIPs": ("string", interface_ips),
        "include": (f"string, string, {_TYPE}", _include),
        "exclude": (f"string, string, {_TYPE}", _exclude),
        "sort": (f"string, {_TYPE}", _sort),
        "attr": ("string, any", _attr),
        "join": (f"string, string, {_TYPE}", _join),
        "limit": (f"uint, {_TYPE}", _limit),
        "offset": (f"int, {_TYPE}", _offset),
        "math": (f"string, string, {_TYPE}", _math),
        "unique": (f"string, {_TYPE}", _unique),
    }
    return {name: signature(f"{types} -> any", call) for name, (types, call) in table.items()}


# Selections ----------------------------------------------------------------------------------------------------------


def _include(by: str, what: str, ones: Sequence[One]) -> Slice:
    return _slice(part(by, what, _entries(ones), "include")[0])


def _exclude(by: str, what: str, ones: Sequence[One]) -> Slice:
    return _slice(part(by, what, _entries(ones), "exclude")[1])


def _routable(entries: list[InterfaceAddress], *, private: bool) -> list[InterfaceAddress]:
    """Addresses of interfaces that are up, those of the default route first."""
    usable = [one for one in entries if is_forwardable(one) and "up" in one.flags]
    chosen = [one for one in usable if is_private(one) == private]
    return _sorted(chosen, "default,type,size")


def _all_ips(entries: list[InterfaceAddress], *, private: bool) -> str:
    chosen = [one for one in entries if is_private(one) == private and (not private or is_forwardable(one))]
    return _joined(_sorted(chosen, "type,size"))


def _of_interface(entries: list[InterfaceAddress], pattern: str, *, forwardable: bool) -> list[InterfaceAddress]:
    search = regexp("name", pattern)
    chosen = [one for one in entries if search(one.name) and (not forwardable or is_forwardable(one))]
    return _sorted(chosen, "type,size")


def _first(entries: list[InterfaceAddress]) -> str:
    return entries[0].address if entries else ""


def _joined(entries: list[InterfaceAddress]) -> str:
    return " ".join(one.address for one in entries)


# Order and attributes ------------------------------------------------------------------------------------------------

Compare = Callable[[InterfaceAddress, InterfaceAddress], int]


def _compare(a: Any, b: Any) -> int:
    return (a > b) - (a < b)


def _same_type(key: Callable[[InterfaceAddress], Any]) -> Compare:
    return lambda a, b: _compare(key(a), key(b)) if a.ip.version == b.ip.version else 0


def _by_privacy(a: InterfaceAddress, b: InterfaceAddress) -> int:
    """Private ones come first; before those of the other family even if they are private, too."""
    if a.ip.version == b.ip.version:
        return _compare(not is_private(a), not is_private(b))
    return -1 if is_private(a) else 0


_COMPARISONS: Final[dict[str, Compare]] = {
    "address": _same_type(lambda one: int(one.ip)),
    "default": lambda a, b: _compare(not a.is_default, not b.is_default),
    "name": lambda a, b: _compare(a.name, b.name),
    "port": lambda a, b: 0,
    "private": _by_privacy,
    "size": _same_type(lambda one: one.prefix),
    "type": lambda a, b: _compare(a.ip.version, b.ip.version),
}


def _sorted(entries: list[InterfaceAddress], text: str) -> list[InterfaceAddress]:
    """Sorted by comma-separated clauses such as ``default`` or ``-size``.

    By insertion, as Go sorts short lists: families compare as equal or contradict one another, so the way counts.
    """
    clauses: list[tuple[Compare, int]] = []
    for clause in text.split(","):
        name = clause.strip().lower()
        comparison = _COMPARISONS.get(name[1:] if name[:1] in ("+", "-") else name)
        if comparison is None:
            raise ValueError(f"unknown sort type: {quote(clause)}")
        clauses.append((comparison, -1 if name.startswith("-") else 1))

    def is_less(a: InterfaceAddress, b: InterfaceAddress) -> bool:
        return next((found < 0 for comparison, sign in clauses if (found := comparison(a, b) * sign)), False)

    out: list[InterfaceAddress] = []
    for entry in entries:
        at = len(out)
        while at and is_less(entry, out[at - 1]):
            at -= 1
        out.insert(at, entry)
    return out


def _sort(by: str, ones: Sequence[One]) -> Slice:
    return _slice(_sorted(_entries(ones), by))


def _join(name: str, text: str, ones: Sequence[One]) -> str:
    return text.join(attribute(name.lower(), one) for one in _entries(ones))


def _math(operation: str, value: str, ones: Sequence[One]) -> Slice:
    results: list[InterfaceAddress] = []
    for one in ones:
        try:
            results.append(reckoned(operation, value, one.entry))
        except ValueError as error:
            raise ValueError(f"unable to perform an IPMath operation on {one.go_string()}: {error}") from None
    return _slice(results)


def _limit(count: int, ones: Sequence[One]) -> Slice:
    return _slice(_entries(ones)[:count])


def _offset(count: int, ones: Sequence[One]) -> Slice:
    """What follows the first so many, or for a negative number the last so many."""
    if abs(count) > len(ones):
        said = f"offset ({abs(count)}) exceeds the number of interfaces ({len(ones)})"
        raise ValueError(f"unable to seek past the end of the interface array: {said}")
    return _slice(_entries(ones)[count:])


def _unique(name: str, ones: Sequence[One]) -> Slice:
    entries = _entries(ones)
    if entries and name.lower() not in ("address", "name"):
        raise ValueError(f"unsupported unique constraint {quote(name)}")
    kept: list[InterfaceAddress] = []
    last = ""
    for entry in entries:
        text = with_prefix(entry) if name.lower() == "address" else entry.name
        if text != last:
            kept.append(entry)
            last = text
    return _slice(kept)


def _attr(name: str, value: Any) -> str:
    if isinstance(value, One):
        return attribute(name.lower(), value.entry)
    if is_list(value):
        ones = [one for one in value if isinstance(one, One)]
        return attribute(name.lower(), ones[0].entry) if ones else ""
    raise ValueError(f"unable to obtain attribute {name} from type {type_of(value)} ({value})")
