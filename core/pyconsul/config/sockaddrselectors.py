"""``include`` and ``exclude`` of go-sockaddr templates: addresses by name, network, flags and more."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from pyconsul.config.hostinterfaces import InterfaceAddress
from pyconsul.config.sockaddrattributes import with_prefix
from pyconsul.config.sockaddrblocks import Network, blocks_of, is_forwardable, lies_in
from pyconsul.lang.goregexp import GoRegexError, compile_regexp
from pyconsul.lang.strconv import parse_uint, quote

Test = Callable[[InterfaceAddress], object]
Parts = tuple[list[InterfaceAddress], list[InterfaceAddress]]


def part(by: str, what: str, entries: Sequence[InterfaceAddress], verb: str) -> Parts:
    """The addresses that a selector matches, and the others. Raises ValueError with the library's text.

    The library asks each alternative of ``a|b`` by itself: an address stands among the others once for every one
    that it does not match, however many it does.
    """
    match by.lower():
        case "network":
            networks = [_network(text) for text in what.split("|")]
            return _parted((_in((net,)), one) for net in networks for one in entries)
        case "rfc" | "rfcs":
            numbers = [_rfc(text) for text in what.split("|")]
            return _parted((_in(blocks_of(number)), one) for number in numbers for one in entries)
        case "type":
            versions = _versions(what)
            return _parted((_of(wanted), one) for one in entries for wanted in versions)
        case _:
            test = _test(by, what, verb)
            return _parted((test, one) for one in entries)


def _parted(asked: Iterable[tuple[Test, InterfaceAddress]]) -> Parts:
    matched: list[InterfaceAddress] = []
    others: list[InterfaceAddress] = []
    for test, one in asked:
        (matched if test(one) else others).append(one)
    return matched, others


def _test(by: str, what: str, verb: str) -> Test:
    match by.lower():
        case "address":
            search = regexp("address", what)
            return lambda one: search(with_prefix(one))
        case "name":
            search = regexp("name", what)
            return lambda one: search(one.name)
        case "flag" | "flags":
            return _flag_test(what)
        case "size":
            return _size_test(what)
        case "port":
            search = regexp("port", what)
            return lambda _: search("0")
        case _:
            raise ValueError(f"invalid {verb} selector {quote(by)}")


def regexp(what: str, pattern: str) -> Callable[[str], Any]:
    """A search for this pattern. Raises ValueError, where ``what`` says what it was for."""
    try:
        return compile_regexp(pattern).search
    except GoRegexError as error:
        raise ValueError(f"Unable to compile {what} regexp {quote(pattern)}: {error}") from None


def _in(networks: Sequence[Network]) -> Test:
    return lambda one: lies_in(one, networks)


def _of(versions: tuple[int, ...]) -> Test:
    return lambda one: one.ip.version in versions


def _network(text: str) -> Network:
    """A network, or one address as one; masks are prefix lengths."""
    host, slash, bits = text.partition("/")
    try:
        if slash and not (bits.isascii() and bits.isdigit()):
            raise ValueError(bits)
        return ipaddress.ip_network(text if slash else _bare(host), strict=False)
    except ValueError:
        raise ValueError(f"unable to create an IP address from {quote(text)}: invalid IPAddr {text}") from None


def _bare(host: str) -> str:
    """An address without the brackets of IPv6 and without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _rfc(text: str) -> int:
    try:
        number = parse_uint(text)
    except ValueError as error:
        reason = f"unable to parse RFC number {quote(text)}: {error}"
        raise ValueError(f"unable to lookup RFC number {quote(text)}: {reason}") from None
    if not blocks_of(number):
        raise ValueError(f"unable to lookup RFC number {quote(text)}: unsupported RFC {number}")
    return number


def _size_test(text: str) -> Test:
    try:
        size = parse_uint(text)
    except ValueError as error:
        raise ValueError(f"invalid exclude size argument ({quote(text)}): {error}") from None

    def test(one: InterfaceAddress) -> bool:
        if size > one.ip.max_prefixlen:
            raise ValueError(f"mask size out of bounds for IPv{one.ip.version} address: {size}")
        return one.prefix == size

    return test


_VERSIONS: Final = {"ip": (4, 6), "ipv4": (4,), "ipv6": (6,), "unix": ()}


def _versions(text: str) -> list[tuple[int, ...]]:
    names = text.lower().split("|")
    for name in names:
        if name not in _VERSIONS:
            raise ValueError(f"unsupported type {quote(name)} {quote(text)}")
    return [_VERSIONS[name] for name in names]


_INTERFACE_LOCAL: Final = tuple(map(ipaddress.ip_network, ("ff01::/16", "ff11::/16")))
_LINK_LOCAL: Final = tuple(map(ipaddress.ip_network, ("224.0.0.0/24", "ff02::/16")))


def _is_in(one: InterfaceAddress, networks: Iterable[Network]) -> bool:
    return any(one.ip.version == net.version and one.ip in net for net in networks)


_ADDRESS_FLAGS: Final[dict[str, Test]] = {
    "forwardable": is_forwardable,
    "global unicast": lambda one: (
        not (one.ip.is_unspecified or one.ip.is_loopback or one.ip.is_multicast or one.ip.is_link_local)
    ),
    "interface-local multicast": lambda one: _is_in(one, _INTERFACE_LOCAL),
    "link-local multicast": lambda one: _is_in(one, _LINK_LOCAL),
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
