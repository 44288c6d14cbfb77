"""The functions of go-sockaddr templates, over the addresses of this host.

``expand`` runs a template whose dot is the list of all interface addresses.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key
from typing import Any, Final

from pyconsul.config.hostinterfaces import InterfaceAddress, interface_addresses
from pyconsul.config.sockaddrattributes import attribute, reckoned, with_prefix
from pyconsul.lang.goregexp import GoRegexError, compile_regexp
from pyconsul.lang.gotemplate import Function, Template, TemplateError, signature
from pyconsul.lang.gotemplate.values import Slice, Stringer, type_of
from pyconsul.lang.strconv import quote

_TYPE: Final = "sockaddr.IfAddrs"

# RFC 6890, "Special-Purpose IP Address Registries".
_RFC_6890: Final = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::1/128",
    "::/128",
    "64:ff9b::/96",
    "::ffff:0:0/96",
    "100::/64",
    "2001::/16",
    "2001:2::/48",
    "2001:db8::/32",
    "2001:10::/28",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
)
_NOT_FORWARDED: Final = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::1/128",
    "::/128",
    "::ffff:0:0/96",
    "2001:db8::/32",
    "2001:10::/28",
    "fe80::/10",
)
_RFC_BLOCKS: Final[dict[int, tuple[str, ...]]] = {
    919: ("255.255.255.255/32",),
    1112: ("224.0.0.0/4",),
    1122: ("0.0.0.0/8", "127.0.0.0/8"),
    1918: ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    3927: ("169.254.0.0/16",),
    4193: ("fc00::/7",),
    4291: ("::/128", "::1/128", "fe80::/10", "ff00::/8"),
    6598: ("100.64.0.0/10",),
    6890: _RFC_6890,
}


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
    table: dict[str, tuple[str, Callable[..., Any]]] = {
        "GetAllInterfaces": ("", lambda: _slice(read())),
        "GetDefaultInterfaces": ("", lambda: _slice(one for one in read() if one.is_default)),
        "GetPrivateInterfaces": ("", lambda: _slice(_routable(read(), private=True))),
        "GetPublicInterfaces": ("", lambda: _slice(_routable(read(), private=False))),
        "GetPrivateIP": ("", lambda: _first(_routable(read(), private=True))),
        "GetPublicIP": ("", lambda: _first(_routable(read(), private=False))),
        "GetPrivateIPs": ("", lambda: _all_ips(read(), private=True)),
        "GetPublicIPs": ("", lambda: _all_ips(read(), private=False)),
        "GetInterfaceIP": ("string", lambda name: _first(_of_interface(read(), name, forwardable=True))),
        "GetInterfaceIPs": ("string", lambda name: _joined(_of_interface(read(), name, forwardable=False))),
        "include": (f"string, string, {_TYPE}", lambda by, what, ones: _slice(_split(by, what, ones, "include")[0])),
        "exclude": (f"string, string, {_TYPE}", lambda by, what, ones: _slice(_split(by, what, ones, "exclude")[1])),
        "sort": (f"string, {_TYPE}", lambda by, ones: _slice(_sorted(_entries(ones), by))),
        "attr": ("string, any", _attr),
        "join": (
            f"string, string, {_TYPE}",
            lambda name, text, ones: text.join(attribute(name.lower(), one) for one in _entries(ones)),
        ),
        "limit": (f"int, {_TYPE}", lambda count, ones: _slice(_entries(ones)[: max(count, 0)])),
        "offset": (f"int, {_TYPE}", lambda count, ones: _slice(_offset(count, _entries(ones)))),
        "math": (f"string, string, {_TYPE}", _math),
        "unique": (f"string, {_TYPE}", lambda name, ones: _slice(_unique(name, _entries(ones)))),
    }
    return {name: signature(f"{types} -> any", call) for name, (types, call) in table.items()}


# Selections ----------------------------------------------------------------------------------------------------------


def _in_blocks(entry: InterfaceAddress, blocks: Iterable[str]) -> bool:
    ip = entry.ip
    return any(ip in network for block in blocks if (network := ipaddress.ip_network(block)).version == ip.version)


def _forwardable(entry: InterfaceAddress) -> bool:
    return not _in_blocks(entry, _NOT_FORWARDED)


def _routable(entries: list[InterfaceAddress], *, private: bool) -> list[InterfaceAddress]:
    """Addresses of interfaces that are up, those of the default route first."""
    usable = [one for one in entries if _forwardable(one) and "up" in one.flags]
    chosen = [one for one in usable if _in_blocks(one, _RFC_6890) == private]
    return _sorted(chosen, "default,type,size")


def _all_ips(entries: list[InterfaceAddress], *, private: bool) -> str:
    chosen = [one for one in entries if _in_blocks(one, _RFC_6890) == private and (not private or _forwardable(one))]
    return _joined(_sorted(chosen, "type,size"))


def _of_interface(entries: list[InterfaceAddress], pattern: str, *, forwardable: bool) -> list[InterfaceAddress]:
    search = _regexp("name", pattern)
    chosen = [one for one in entries if search(one.name) and (not forwardable or _forwardable(one))]
    return _sorted(chosen, "type,size")


def _first(entries: list[InterfaceAddress]) -> str:
    return entries[0].address if entries else ""


def _joined(entries: list[InterfaceAddress]) -> str:
    return " ".join(one.address for one in entries)


def _regexp(what: str, pattern: str) -> Callable[[str], Any]:
    try:
        return compile_regexp(pattern).search
    except GoRegexError as error:
        raise ValueError(f"Unable to compile {what} regexp {quote(pattern)}: {error}") from None


Test = Callable[[InterfaceAddress], object]


def _split(by: str, what: str, ones: Sequence[One], verb: str) -> tuple[list[InterfaceAddress], list[InterfaceAddress]]:
    """The addresses that a selector matches, and the others."""
    test = _selector(by, what, verb)
    matched: list[InterfaceAddress] = []
    others: list[InterfaceAddress] = []
    for entry in _entries(ones):
        (matched if test(entry) else others).append(entry)
    return matched, others


def _selector(by: str, what: str, verb: str) -> Test:
    match by.lower():
        case "address":
            search = _regexp("address", what)
            return lambda one: search(with_prefix(one))
        case "name":
            search = _regexp("name", what)
            return lambda one: search(one.name)
        case "flag" | "flags":
            return _flag_test(what)
        case "network":
            networks = [ipaddress.ip_network(text, strict=False) for text in what.split("|")]
            return lambda one: any(one.ip.version == net.version and one.ip in net for net in networks)
        case "rfc" | "rfcs":
            blocks = [block for number in what.split("|") for block in _rfc(number)]
            return lambda one: _in_blocks(one, blocks)
        case "size":
            return _size_test(what)
        case "type":
            return _type_test(what)
        case "port":
            search = _regexp("port", what)
            return lambda _: search("0")
        case _:
            raise ValueError(f"invalid {verb} selector {quote(by)}")


def _rfc(text: str) -> tuple[str, ...]:
    if not text.isascii() or not text.isdigit():
        reason = f"unable to parse RFC number {quote(text)}: strconv.ParseUint: parsing {quote(text)}: invalid syntax"
        raise ValueError(f"unable to lookup RFC number {quote(text)}: {reason}")
    if int(text[:9]) not in _RFC_BLOCKS:
        raise ValueError(f"unsupported RFC {text}")
    return _RFC_BLOCKS[int(text[:9])]


def _size_test(text: str) -> Test:
    bits = text.removeprefix("/")
    if not bits.isascii() or not bits.isdigit():
        raise ValueError(
            f'invalid exclude size argument ({quote(text)}): strconv.ParseUint: parsing "{bits}": invalid syntax'
        )
    return lambda one: one.prefix == int(bits[:9])


_TYPES: Final = {"ip": (4, 6), "ipv4": (4,), "ipv6": (6,), "unix": ()}


def _type_test(text: str) -> Test:
    names = text.lower().split("|")
    for name in names:
        if name not in _TYPES:
            raise ValueError(f"unsupported type {quote(name)} {quote(text)}")
    versions = {version for name in names for version in _TYPES[name]}
    return lambda one: one.ip.version in versions


_ADDRESS_FLAGS: Final[dict[str, Test]] = {
    "forwardable": _forwardable,
    "global unicast": lambda one: (
        not (one.ip.is_unspecified or one.ip.is_loopback or one.ip.is_multicast or one.ip.is_link_local)
    ),
    "interface-local multicast": lambda one: _in_blocks(one, ("ff01::/16", "ff11::/16")),
    "link-local multicast": lambda one: _in_blocks(one, ("224.0.0.0/24", "ff02::/16")),
    "link-local unicast": lambda one: one.ip.is_link_local,
    "loopback": lambda one: one.ip.is_loopback,
    "multicast": lambda one: one.ip.is_multicast,
    "unspecified": lambda one: one.ip.is_unspecified,
}
_INTERFACE_FLAGS: Final = frozenset({"broadcast", "loopback", "multicast", "point-to-point", "up"})


def _flag_test(text: str) -> Test:
    """Interfaces with all named flags, or addresses with one of the named properties."""
    names = text.lower().split("|")
    for name in names:
        if name not in _ADDRESS_FLAGS and name not in _INTERFACE_FLAGS and name != "down":
            raise ValueError(f"Unknown interface flag: {quote(name)}")
    wanted = _INTERFACE_FLAGS & set(names)
    checks_interface = bool(wanted) or "down" in names
    properties = [_ADDRESS_FLAGS[name] for name in names if name in _ADDRESS_FLAGS]

    def test(one: InterfaceAddress) -> bool:
        if checks_interface and wanted <= one.flags:
            return True
        return any(check(one) for check in properties)

    return test


# Order and attributes ------------------------------------------------------------------------------------------------

Compare = Callable[[InterfaceAddress, InterfaceAddress], int]


def _compare(a: Any, b: Any) -> int:
    return (a > b) - (a < b)


def _same_type(key: Callable[[InterfaceAddress], Any]) -> Compare:
    return lambda a, b: _compare(key(a), key(b)) if a.ip.version == b.ip.version else 0


_COMPARISONS: Final[dict[str, Compare]] = {
    "address": _same_type(lambda one: int(one.ip)),
    "default": lambda a, b: _compare(not a.is_default, not b.is_default),
    "name": lambda a, b: _compare(a.name, b.name),
    "port": lambda a, b: 0,
    "private": lambda a, b: _compare(not _in_blocks(a, _RFC_6890), not _in_blocks(b, _RFC_6890)),
    "size": _same_type(lambda one: one.prefix),
    "type": lambda a, b: _compare(a.ip.version, b.ip.version),
}


def _sorted(entries: list[InterfaceAddress], text: str) -> list[InterfaceAddress]:
    """Sorted by comma-separated clauses such as ``default`` or ``-size``; stable."""
    clauses: list[tuple[Compare, int]] = []
    for clause in text.split(","):
        name = clause.strip().lower()
        comparison = _COMPARISONS.get(name.lstrip("+-"))
        if comparison is None:
            raise ValueError(f"unknown sort type: {quote(clause)}")
        clauses.append((comparison, -1 if name.startswith("-") else 1))

    def order(a: InterfaceAddress, b: InterfaceAddress) -> int:
        for comparison, sign in clauses:
            found = comparison(a, b) * sign
            if found:
                return found
        return 0

    return sorted(entries, key=cmp_to_key(order))


def _math(operation: str, value: str, ones: Sequence[One]) -> Slice:
    results: list[InterfaceAddress] = []
    for one in ones:
        try:
            results.append(reckoned(operation, value, one.entry))
        except ValueError as error:
            raise ValueError(f"unable to perform an IPMath operation on {one.go_string()}: {error}") from None
    return _slice(results)


def _offset(count: int, entries: list[InterfaceAddress]) -> list[InterfaceAddress]:
    """What follows the first so many, or for a negative number the last so many."""
    if abs(count) > len(entries):
        said = f"offset ({abs(count)}) exceeds the number of interfaces ({len(entries)})"
        raise ValueError(f"unable to seek past the end of the interface array: {said}")
    return entries[count:]


def _unique(name: str, entries: list[InterfaceAddress]) -> list[InterfaceAddress]:
    if entries and name.lower() not in ("address", "name"):
        raise ValueError(f"unsupported unique constraint {quote(name)}")
    kept: list[InterfaceAddress] = []
    last = ""
    for entry in entries:
        text = with_prefix(entry) if name.lower() == "address" else entry.name
        if text != last:
            kept.append(entry)
            last = text
    return kept


def _attr(name: str, value: Any) -> str:
    if isinstance(value, One):
        return attribute(name.lower(), value.entry)
    if isinstance(value, list):
        ones = [one for one in value if isinstance(one, One)]  # pyright: ignore[reportUnknownVariableType]
        return attribute(name.lower(), ones[0].entry) if ones else ""
    raise ValueError(f"unable to obtain attribute {name} from type {type_of(value)} ({value})")
