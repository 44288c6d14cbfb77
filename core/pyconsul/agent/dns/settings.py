"""The DNS settings of an agent, in the form in which answers need them."""

import socket

import msgspec

from pyconsul.agent.dns.names import fqdn, parse_ip
from pyconsul.config.runtime import RuntimeConfig
from pyconsul.primitives.dialing import DialError, addresses

_SECOND = 1_000_000_000
_DNS_PORT = 53
_THIS_MACHINE = "127.0.0.1"  # what is dialled where no host is named


class ServiceTtls(msgspec.Struct, frozen=True):
    """``service_ttl``: exact names win over prefixes (``db-*``), longer prefixes over shorter ones."""

    exact: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    prefixes: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, table: dict[str, int]) -> "ServiceTtls":
        """From the configured table; values are nanoseconds."""
        seconds = {name: ttl // _SECOND for name, ttl in table.items()}
        prefixes = [(name[:-1], ttl) for name, ttl in seconds.items() if name.endswith("*")]
        exact = {name: ttl for name, ttl in seconds.items() if not name.endswith("*")}
        return cls(exact, tuple(sorted(prefixes, key=lambda row: len(row[0]), reverse=True)))

    def find(self, service: str) -> int:
        """Seconds for ``service``; 0 where nothing is configured."""
        if service in self.exact:
            return self.exact[service]
        return next((ttl for prefix, ttl in self.prefixes if service.startswith(prefix)), 0)


class Soa(msgspec.Struct, frozen=True):
    """Numbers of the start-of-authority record."""

    refresh: int = 3600
    retry: int = 600
    expire: int = 86400
    min_ttl: int = 0


class DnsSettings(msgspec.Struct, frozen=True):
    """Everything that shapes an answer. TTLs are whole seconds, ``max_stale`` and ``cache_max_age`` nanoseconds."""

    domain: str = "consul."
    alt_domain: str = "."  # "." where none is configured
    datacenter: str = "dc1"
    node_name: str = ""
    segment: str = ""
    token: str = ""
    allow_stale: bool = True
    max_stale: int = 87600 * 3600 * _SECOND
    use_cache: bool = False
    cache_max_age: int = 0
    only_passing: bool = False
    node_ttl: int = 0
    service_ttl: ServiceTtls = ServiceTtls()
    soa: Soa = Soa()
    a_record_limit: int = 0
    udp_answer_limit: int = 3
    enable_truncate: bool = False
    node_meta_txt: bool = True
    compress: bool = True
    translate_wan: bool = False
    recursors: tuple[tuple[str, int], ...] = ()
    recursor_strategy: str = "sequential"
    recursor_timeout: float = 2.0

    @classmethod
    def of(cls, config: RuntimeConfig, token: str = "") -> "DnsSettings":
        """From an agent's configuration and the token that its answers are for.

        Looks up the names of recursors, which may take seconds. Raises ValueError for one that has no address.
        """
        dns = config.dns_config
        soa = Soa(dns.soa.refresh, dns.soa.retry, dns.soa.expire, dns.soa.min_ttl)
        return cls(
            domain=fqdn(config.domain.lower()),
            alt_domain=fqdn(config.alt_domain.lower()),
            datacenter=config.datacenter,
            node_name=config.node_name,
            segment=config.segment,
            token=token,
            allow_stale=dns.allow_stale,
            max_stale=dns.max_stale,
            use_cache=dns.use_cache,
            cache_max_age=dns.cache_max_age,
            only_passing=dns.only_passing,
            node_ttl=dns.node_ttl // _SECOND,
            service_ttl=ServiceTtls.of(dns.service_ttl),
            soa=soa,
            a_record_limit=dns.a_record_limit,
            udp_answer_limit=dns.udp_answer_limit,
            enable_truncate=dns.enable_truncate,
            node_meta_txt=dns.enable_additional_node_meta_txt,
            compress=not dns.disable_compression,
            translate_wan=config.translate_wan_addrs,
            recursors=tuple(recursor_address(text) for text in config.recursors),
            recursor_strategy=dns.recursor_strategy,
            recursor_timeout=dns.recursor_timeout / _SECOND,
        )


def recursor_address(text: str) -> tuple[str, int]:
    """Address and port of a recursor; the port may be left out, an IPv6 address without one needs no brackets.

    A name is looked up, which may take seconds. Raises ValueError.
    """
    if parse_ip(text) is not None:
        return text, _DNS_PORT
    host, colon, port = text.rpartition(":")
    if not colon:
        return _address(text), _DNS_PORT
    if text.startswith("["):
        if "]" not in text:
            raise ValueError(f"Invalid recursor address: address {text}: missing ']' in address")
        if text.endswith("]"):
            return text[1:-1], _DNS_PORT
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError(f"Invalid recursor address: address {text}: too many colons in address")
    return _address(host.strip("[]")), _port(port)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        try:
            return socket.getservbyname(text, "tcp")
        except OSError:
            raise ValueError(f"Invalid recursor address: lookup tcp/{text}: unknown port") from None
    if int(text) > 0xFFFF:
        raise ValueError(f"Invalid recursor address: address {text}: invalid port")
    return int(text)


def _address(host: str) -> str:
    """The address of a host, IPv4 if it has one. Asked for here and now, as by Consul: who knows names may be us."""
    try:
        found = addresses(host or _THIS_MACHINE, _DNS_PORT)
    except DialError as error:
        raise ValueError(f"Invalid recursor address: {str(error).removeprefix('dial tcp: ')}") from None
    return next((each for each in found if ":" not in each), found[0])
