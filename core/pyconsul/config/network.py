"""Where an agent listens and what it advertises, from ports and addresses, in Consul's order.

Each default leans on what stands before it: gossip and RPC bind to ``bind_addr``, what is advertised is what is bound,
and for "any address" the host's own is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyconsul.config import sections as s
from pyconsul.config.addresses import Expander, is_private, is_v4, listeners
from pyconsul.config.errors import ConfigError
from pyconsul.config.hostinterfaces import Host
from pyconsul.config.runtime import Address
from pyconsul.config.values import Values
from pyconsul.lang.strconv import quote
from pyconsul.structs.service_rules import is_any_address


class Network:
    """The addresses of one configuration; ``values.errors`` and ``warnings`` fill up."""

    def __init__(self, values: Values, host: Host, warnings: list[str]) -> None:
        self.values = values
        self.host = host
        self.warnings = warnings
        self.expander = Expander(host.expand, values.errors)

    def ports(self) -> s.Ports:
        """All ports, -1 for doors that are off. Raises ConfigError for those that an agent cannot do without."""
        read_port = self.values.port
        ports = {name: read_port(f"ports.{name}") for name in s.Ports.__struct_fields__}
        if self.values.get("ports.grpc_tls") is None and self.values.flag("server"):
            ports["grpc_tls"] = 8503
        if ports["server"] <= 0:
            raise ConfigError("server-port must be greater than zero")
        if ports["serf_lan"] <= 0:
            raise ConfigError("serf-lan-port must be greater than zero")
        for kind in ("proxy", "sidecar", "expose"):
            if ports[f"{kind}_max_port"] < ports[f"{kind}_min_port"]:
                raise ConfigError(f"{kind}_min_port must be less than {kind}_max_port. To disable, set both to zero.")
        return s.Ports(**ports)

    def _bind_addr(self) -> str:
        found = self.expander.all("bind_addr", self.values.text("bind_addr"))
        if not found:
            raise ConfigError("bind_addr cannot be empty")
        if len(found) > 1:
            raise ConfigError("bind_addr cannot contain multiple addresses. Use 'addresses.{dns,http,https}' instead.")
        if found[0].unix:
            raise ConfigError("bind_addr cannot be a unix socket")
        return found[0].text

    def cluster_addresses(self, ports: s.Ports) -> dict[str, Any]:
        """What gossip and RPC bind to, and what others are told, by the names of the configuration's fields.

        Raises ConfigError for an address that cannot be one, or where the host has none or several to choose from.
        """
        values, first_ip = self.values, self.expander.first_ip
        bind = self._bind_addr()
        if is_any_address(values.text("advertise_addr")):
            raise ConfigError("Advertise address cannot be 0.0.0.0, :: or [::]")
        if is_any_address(values.text("advertise_addr_wan")):
            raise ConfigError("Advertise WAN address cannot be 0.0.0.0, :: or [::]")
        advertise = first_ip("advertise_addr", values.get("advertise_addr")) or bind
        if is_any_address(advertise):
            advertise = self._detected(advertise)
        lan_bind = first_ip("serf_lan", values.get("serf_lan")) or bind
        wan_bind = (first_ip("serf_wan", values.get("serf_wan")) or bind) if ports.serf_wan >= 0 else ""
        # Read a second time, as Consul does: one that cannot be read is told twice.
        lan = first_ip("advertise_addr", values.get("advertise_addr")) or advertise
        lan_v4, lan_v6 = self._by_family("advertise_addr", advertise)
        wan = first_ip("advertise_addr_wan", values.get("advertise_addr_wan")) or lan
        wan_v4, wan_v6 = self._by_family("advertise_addr_wan", wan)
        has_wan = ports.serf_wan >= 0
        return {
            "bind_addr": bind,
            "advertise_addr": lan,
            "advertise_addr_ipv4": lan_v4,
            "advertise_addr_ipv6": lan_v6,
            "advertise_addr_wan": wan,
            "advertise_addr_wan_ipv4": wan_v4,
            "advertise_addr_wan_ipv6": wan_v6,
            "rpc_bind": Address("tcp", bind, ports.server),
            "rpc_advertise": Address("tcp", lan, ports.server),
            "serf_bind_lan": Address("tcp", lan_bind, ports.serf_lan),
            "serf_advertise_lan": Address("tcp", lan, ports.serf_lan),
            "serf_bind_wan": Address("tcp", wan_bind, ports.serf_wan) if has_wan else None,
            "serf_advertise_wan": Address("tcp", wan, ports.serf_wan) if has_wan else None,
        }

    def _by_family(self, name: str, address: str) -> tuple[str, str]:
        """The IPv4 and the IPv6 address to advertise: given ones, else the general one where it fits."""
        v4 = self.expander.first_ip(f"{name}_ipv4", self.values.get(f"{name}_ipv4"))
        v4 = v4 or (address if is_v4(address) else "")
        if v4 and not is_v4(v4):
            raise ConfigError(f"{name}_ipv4 must be an ipv4 address")
        v6 = self.expander.first_ip(f"{name}_ipv6", self.values.get(f"{name}_ipv6"))
        v6 = v6 or ("" if is_v4(address) else address)
        if v6 and is_v4(v6):
            raise ConfigError(f"{name}_ipv6 must be an ipv6 address")
        return v4, v6

    def _detected(self, any_address: str) -> str:
        """The only private IPv4 address of this host, or its only public IPv6 address.

        A loopback address counts on a host that has no other; for IPv6 Consul does not ask which interfaces are up.
        """
        kind = "private IPv4" if is_v4(any_address) else "public IPv6"
        found = self.host.interfaces()
        if is_v4(any_address):
            up = [one for one in found if "up" in one.flags and "loopback" not in one.flags]
            up = up or [one for one in found if "up" in one.flags]
            addresses = [one.address for one in up if is_v4(one.address) and is_private(one.address)]
        else:
            addresses = [one.address for one in found if not is_v4(one.address) and not is_private(one.address)]
        if not addresses:
            raise ConfigError(f"No {kind} address found")
        if len(addresses) > 1:
            raise ConfigError(f"Multiple {kind} addresses found. Please configure one with 'bind' and/or 'advertise'.")
        return addresses[0]

    def client_addresses(self, ports: s.Ports) -> dict[str, Any]:
        """Where the doors listen, by the names of the configuration's fields; DNS in TCP first, then in UDP."""
        values = self.values
        clients = self.expander.ips("client_addr", values.get("client_addr"))
        if not clients:
            self.warnings.append(
                "client_addr is empty, client services (DNS, HTTP, HTTPS, GRPC) will not be listening for connections"
            )

        def door(name: str, port: int) -> tuple[Address, ...]:
            chosen = self.expander.all(f"addresses.{name}", values.get(f"addresses.{name}"))
            return listeners(chosen, clients, port)

        dns = door("dns", ports.dns)
        udp = tuple(Address("udp", one.host, one.port) for one in dns if one.network == "tcp")
        return {
            "client_addrs": tuple(clients),
            "dns_addrs": dns + udp,
            "http_addrs": door("http", ports.http),
            "https_addrs": door("https", ports.https),
            "grpc_addrs": door("grpc", ports.grpc),
            "grpc_tls_addrs": door("grpc_tls", ports.grpc_tls),
        }

    def recursors(self) -> tuple[str, ...]:
        """The DNS recursors, each once, in their order.

        Raises ConfigError for a unix socket or a bad template.
        """
        found: dict[str, None] = {}
        for text in self.values.texts("recursors"):
            try:
                expanded = self.host.expand(text)
            except ValueError as error:
                raise ConfigError(f"Invalid DNS recursor template {quote(text)}: {error}") from None
            for word in expanded.split():
                if word.startswith("unix://"):
                    raise ConfigError(f"DNS Recursors cannot be unix sockets: {word}")
                found[word] = None
        return tuple(found)

    def tagged_addresses(self, where: Mapping[str, Any]) -> dict[str, str]:
        """The node's addresses by tag; those of ``lan`` and ``wan`` follow from what is advertised."""
        found = self.values.mapping("tagged_addresses")
        for tag, name in (("lan", "advertise_addr"), ("wan", "advertise_addr_wan")):
            for suffix in ("", "_ipv4", "_ipv6"):
                address = where[name + suffix]
                if address:
                    found[tag + suffix] = address
        return found
