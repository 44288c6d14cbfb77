"""Addresses follow from each other; templates find the host's own."""

from __future__ import annotations

import re
from typing import Protocol

import pytest

from pyconsul.config import ConfigError, Loaded, load
from pyconsul.config.hostinterfaces import Host, InterfaceAddress, interface_addresses
from pyconsul.config.sockaddr import expand_template
from pyconsul.config.sockaddrfunctions import expand

UP = frozenset({"up", "broadcast", "multicast"})
ENTRIES = [
    InterfaceAddress("lo", "127.0.0.1", 8, frozenset({"up", "loopback"})),
    InterfaceAddress("lo", "::1", 128, frozenset({"up", "loopback"})),
    InterfaceAddress("eth1", "192.168.7.9", 16, UP),
    InterfaceAddress("eth0", "10.1.2.3", 24, UP, is_default=True),
    InterfaceAddress("eth0", "fe80::1", 64, UP, is_default=True),
    InterfaceAddress("wan0", "8.8.4.4", 29, UP),
    InterfaceAddress("off0", "10.9.9.9", 24, frozenset({"broadcast"})),
]


class Read(Protocol):
    """The fixture that reads text as a configuration file."""

    def __call__(self, text: str, **flags: object) -> Loaded:
        """The configuration that the text gives."""
        ...


@pytest.mark.parametrize(
    ("template", "expanded"),
    [
        ('{{ GetInterfaceIP "eth0" }}', "10.1.2.3"),
        ('{{ GetInterfaceIPs "eth0" }}', "10.1.2.3 fe80::1"),
        ('{{ GetInterfaceIP "none" }}', ""),
        ("{{ GetPrivateIP }}", "10.1.2.3"),
        ("{{ GetPrivateIPs }}", "192.168.7.9 10.1.2.3 10.9.9.9"),
        ("{{ GetPublicIP }}", "8.8.4.4"),
        ('{{ GetAllInterfaces | include "name" "^lo$" | join "address" " " }}', "127.0.0.1 ::1"),
        ('{{ GetAllInterfaces | exclude "name" "^lo$" | include "type" "ipv4" | sort "-address" | attr "address" }}',
         "192.168.7.9"),
        ('{{ GetPrivateInterfaces | include "network" "192.168.0.0/16" | attr "address" }}', "192.168.7.9"),
        ('{{ GetAllInterfaces | include "flags" "up|loopback" | unique "name" | limit 1 | attr "name" }}', "lo"),
        ('{{ GetAllInterfaces | include "rfc" "1918" | offset 1 | join "name" "," }}', "eth0,off0"),
        ('{{ GetDefaultInterfaces | include "type" "IPv4" | attr "netmask" }}', "255.255.255.0"),
        ('{{ with $x := GetAllInterfaces | include "name" "wan" }}{{ attr "network" $x }}{{ end }}', "8.8.4.0"),
        ("unix:///run/x.sock 127.0.0.1", "unix:///run/x.sock 127.0.0.1"),
    ],
)  # fmt: skip
def test_templates_choose_among_the_addresses_of_the_host(template: str, expanded: str) -> None:
    """Sources, filters, orders and attributes work as go-sockaddr's."""
    assert expand(template, lambda: ENTRIES) == expanded


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("{{ bogus }}", 'function "bogus" not defined'),
        ('{{ GetAllInterfaces | include "x" "y" }}', 'invalid include selector "x"'),
        ('{{ GetAllInterfaces | sort "x" }}', 'unknown sort type: "x"'),
        ('{{ GetAllInterfaces | include "type" "x" }}', 'unsupported type "x"'),
        ('{{ GetAllInterfaces | include "flag" "x" }}', 'Unknown interface flag: "x"'),
        ('{{ GetAllInterfaces | include "name" "(" }}', "Unable to compile name regexp"),
        ('{{ GetAllInterfaces | include "rfc" "x" }}', 'unable to lookup RFC number "x": unable to parse RFC number'),
        ('{{ GetAllInterfaces | unique "flags" }}', 'unsupported unique constraint "flags"'),
        ('{{ GetAllInterfaces | include "size" "x" }}', 'invalid exclude size argument ("x"): strconv.ParseUint'),
        ("{{ GetAllInterfaces | offset 99 }}", "offset (99) exceeds the number of interfaces"),
        ("{{ GetAllInterfaces | offset -99 }}", "offset (99) exceeds the number of interfaces"),
        ('{{ "x" | attr "address" }}', "unable to obtain attribute address from type string (x)"),
    ],
)
def test_a_bad_template_says_why(template: str, error: str) -> None:
    """The reason is part of the error."""
    with pytest.raises(ValueError, match=re.escape(error)):
        expand(template, lambda: ENTRIES)


def test_this_host_has_a_loopback_address() -> None:
    """The real interfaces can be read."""
    assert any(one.address == "127.0.0.1" for one in interface_addresses())


def test_what_is_advertised_follows_from_what_is_bound(read: Read) -> None:
    """LAN, WAN, RPC and tagged addresses come from the bind address unless they are set."""
    runtime = read('advertise_addr_wan = "198.51.100.7"').runtime
    assert (runtime.advertise_addr, runtime.advertise_addr_wan) == ("127.0.0.1", "198.51.100.7")
    assert str(runtime.serf_advertise_wan) == "198.51.100.7:8302"
    assert runtime.tagged_addresses == {
        "lan": "127.0.0.1",
        "lan_ipv4": "127.0.0.1",
        "wan": "198.51.100.7",
        "wan_ipv4": "198.51.100.7",
    }


def test_binding_to_everything_advertises_the_only_private_address(read: Read) -> None:
    """0.0.0.0 cannot be advertised, so the host's private address is."""
    assert read("", bind="0.0.0.0").runtime.advertise_addr == "10.1.2.3"


@pytest.mark.parametrize(
    ("bind", "error"),
    [
        ("", "bind_addr cannot be empty"),
        (
            "127.0.0.1 127.0.0.2",
            "bind_addr cannot contain multiple addresses. Use 'addresses.{dns,http,https}' instead.",
        ),
        ("unix:///run/c.sock", "bind_addr cannot be a unix socket"),
    ],
)
def test_an_agent_binds_to_one_address(bind: str, error: str, read: Read) -> None:
    """Only its doors listen at several, or at unix sockets."""
    with pytest.raises(ConfigError) as caught:
        read("", bind=bind)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("bind", "addresses", "found"),
    [
        ("::", ["10.0.0.1", "fd00::1", "2600::1"], "2600::1"),
        ("[::]", ["2600::1"], "2600::1"),
        ("::", ["10.0.0.1", "fd00::1"], "No public IPv6 address found"),
        ("::", ["2600::1", "2600::2"], "Multiple public IPv6 addresses found"),
        ("0.0.0.0", ["2600::1", "8.8.4.4"], "No private IPv4 address found"),
        ("0.0.0.0", ["192.168.7.1"], "192.168.7.1"),
    ],
)
def test_binding_to_everything_needs_one_address_to_advertise(bind: str, addresses: list[str], found: str) -> None:
    """The private one of IPv4, the public one of IPv6."""
    entries = [InterfaceAddress("eth0", address, 24, frozenset({"up"})) for address in addresses]
    host = Host(expand=expand_template, hostname=lambda: "h", interfaces=lambda: entries)
    if "found" in found:
        with pytest.raises(ConfigError, match=found):
            load({"dev": True, "bind": bind}, {}, host)
    else:
        assert load({"dev": True, "bind": bind}, {}, host).runtime.advertise_addr == found


def test_several_private_addresses_are_too_many() -> None:
    """The user has to choose."""
    host = Host(expand=expand_template, hostname=lambda: "h", interfaces=lambda: ENTRIES)
    with pytest.raises(ConfigError, match="Multiple private IPv4 addresses found"):
        load({"dev": True, "bind": "0.0.0.0"}, {}, host)


def test_doors_listen_at_their_own_or_at_the_client_addresses(read: Read) -> None:
    """``addresses`` beats ``client_addr``; unix sockets are possible; a port that is off closes the door."""
    runtime = read(
        'client_addr = "127.0.0.1 ::1" addresses { http = "127.0.0.2 unix:///run/h.sock" } ports { https = 8501 }'
    ).runtime
    assert [a.url() for a in runtime.http_addrs] == ["tcp://127.0.0.2:8500", "unix:///run/h.sock"]
    assert [str(a) for a in runtime.https_addrs] == ["127.0.0.1:8501", "[::1]:8501"]
    assert runtime.grpc_addrs == ()


def test_the_wan_pool_can_be_off(read: Read) -> None:
    """Without a port there is no WAN address."""
    runtime = read("ports { serf_wan = -1 }").runtime
    assert runtime.serf_bind_wan is None and runtime.serf_advertise_wan is None
