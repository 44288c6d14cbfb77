"""The merged values made into a RuntimeConfig: addresses derived, texts parsed, old and new ways joined.

The order of the steps, and which faults stop at once and which are collected, are those of Consul.
That order is why this is one module: every step may look at what the ones before it have made.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec

from pyconsul.config import sections as s
from pyconsul.config.addresses import (
    Expander,
    is_any,
    is_private,
    is_v4,
    listeners,
    parse_ip,
    parse_network,
)
from pyconsul.config.definitions import read_checks, read_services
from pyconsul.config.errors import ConfigError, several
from pyconsul.config.hostinterfaces import InterfaceAddress, interface_addresses
from pyconsul.config.runtime import Address, RuntimeConfig
from pyconsul.config.sectionbuilder import build_section, read
from pyconsul.config.tlssettings import tls_settings
from pyconsul.config.values import Values
from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import HOUR, SECOND

MAX_RAFT_MULTIPLIER: Final = 10
_RPC_METRIC: Final = "rpc.server.call"
_CA_CONFIG_KEYS: Final = {
    "private_key": "PrivateKey",
    "root_cert": "RootCert",
    "intermediate_cert_ttl": "IntermediateCertTTL",
    "address": "Address",
    "token": "Token",
    "root_pki_path": "RootPKIPath",
    "root_pki_namespace": "RootPKINamespace",
    "intermediate_pki_path": "IntermediatePKIPath",
    "intermediate_pki_namespace": "IntermediatePKINamespace",
    "ca_file": "CAFile",
    "ca_path": "CAPath",
    "cert_file": "CertFile",
    "key_file": "KeyFile",
    "tls_server_name": "TLSServerName",
    "tls_skip_verify": "TLSSkipVerify",
    "existing_arn": "ExistingARN",
    "delete_on_exit": "DeleteOnExit",
    "leaf_cert_ttl": "LeafCertTTL",
    "csr_max_per_second": "CSRMaxPerSecond",
    "csr_max_concurrent": "CSRMaxConcurrent",
    "private_key_type": "PrivateKeyType",
    "private_key_bits": "PrivateKeyBits",
    "root_cert_ttl": "RootCertTTL",
}


class Host(msgspec.Struct, frozen=True):
    """What the configuration asks of the machine; tests pass their own."""

    expand: Callable[[str], str]
    hostname: Callable[[], str] = socket.gethostname
    interfaces: Callable[[], list[InterfaceAddress]] = interface_addresses


def build_runtime(
    values: Values, environ: Mapping[str, str], host: Host, warnings: list[str], *, dev_mode: bool = False
) -> RuntimeConfig:
    """The configuration; ``values.errors`` and ``warnings`` fill up.

    Raises ConfigError for faults that stop at once.
    """
    return _Builder(values, environ, host, warnings, dev_mode=dev_mode).build()


class _Builder:
    """One run: values in, configuration out; ``errors`` and ``warnings`` fill up."""

    def __init__(
        self, values: Values, environ: Mapping[str, str], host: Host, warnings: list[str], *, dev_mode: bool
    ) -> None:
        self.values = values
        self.environ = environ
        self.host = host
        self.warnings = warnings
        self.dev_mode = dev_mode
        self.expander = Expander(host.expand, values.errors)
        self.server = values.flag("server")

    def build(self) -> RuntimeConfig:
        """The configuration. Raises ConfigError for faults that stop at once."""
        values = self.values
        service_ttl = self.service_ttls()
        checks = read_checks(values)
        services = read_services(values)
        ports = self.ports()
        where = self.cluster_addresses(ports)
        client = self.client_addresses(ports)
        recursors = self.recursors()
        prefixes = self.metric_prefixes()
        multiplier = self.raft_multiplier()
        datacenter = values.text("datacenter").lower()
        auto_encrypt = build_section(
            s.AutoEncrypt, values, "auto_encrypt", ip_san=self.ip_sans("auto_encrypt.ip_san", "AutoEncrypt.IPSAN")
        )
        auto_config = self.auto_config()
        connect = self.connect(enabled=auto_encrypt.allow_tls or auto_config.enabled)
        scripts = values.flag("enable_script_checks")
        self.check_bootstrap_entries()
        self.check_networks("serf_lan_allowed_cidrs")
        self.check_networks("serf_wan_allowed_cidrs")
        self.check_segments()
        ui = self.ui()
        return build_section(
            RuntimeConfig,
            values,
            "",
            **where,
            **client,
            acl=build_section(s.Acl, values, "acl"),
            auto_config=auto_config,
            auto_encrypt=auto_encrypt,
            checks=checks,
            services=services,
            cloud=self.cloud(),
            connect=connect,
            consul=self.consul_internals(multiplier),
            datacenter=datacenter,
            dns_config=build_section(
                s.DnsConfig, values, "dns_config", service_ttl=service_ttl, recursor_strategy=self.recursor_strategy()
            ),
            recursors=recursors,
            tagged_addresses=self.tagged_addresses(where),
            enable_script_checks=scripts,
            enable_local_script_checks=values.flag("enable_local_script_checks", scripts),
            http_config=self.http_config(),
            leave_on_terminate=values.flag("leave_on_terminate", not self.server),
            skip_leave_on_interrupt=values.flag("skip_leave_on_interrupt", self.server),
            limits=self.limits(),
            locality=None if values.get("locality") is None else build_section(s.Locality, values, "locality"),
            node_name=self.node_name(),
            performance=self.performance(),
            ports=ports,
            primary_datacenter=values.text("primary_datacenter").lower() or datacenter,
            primary_gateways=self.expander.optional("primary_gateways", values.texts("primary_gateways")),
            retry_join=self.expander.optional("retry_join", values.texts("retry_join")),
            retry_join_wan=self.expander.optional("retry_join_wan", values.texts("retry_join_wan")),
            rpc=s.Rpc(enable_streaming=values.flag("rpc.enable_streaming", self.server)),
            serf_lan_allowed_cidrs=self.networks("serf_lan_allowed_cidrs"),
            serf_wan_allowed_cidrs=self.networks("serf_wan_allowed_cidrs"),
            server_rejoin_age_max=values.duration_min("server_rejoin_age_max", 168 * HOUR, 6 * HOUR),
            telemetry=self.telemetry(prefixes),
            tls=tls_settings(values),
            ui_config=ui,
            dev_mode=self.dev_mode,
            **self.bootstrap(),
        )

    def service_ttls(self) -> dict[str, int]:
        ttls = self.values.mapping("dns_config.service_ttl")
        return {
            name: self.values.parse_duration(f"dns_config.service_ttl[{quote(name)}]", text)
            for name, text in ttls.items()
        }

    # Addresses -------------------------------------------------------------------------------------------------------

    def ports(self) -> s.Ports:
        read_port = self.values.port
        ports = {name: read_port(f"ports.{name}") for name in s.Ports.__struct_fields__}
        if self.values.get("ports.grpc_tls") is None and self.server:
            ports["grpc_tls"] = 8503
        if ports["server"] <= 0:
            raise ConfigError("server-port must be greater than zero")
        if ports["serf_lan"] <= 0:
            raise ConfigError("serf-lan-port must be greater than zero")
        for kind in ("proxy", "sidecar", "expose"):
            if ports[f"{kind}_max_port"] < ports[f"{kind}_min_port"]:
                raise ConfigError(f"{kind}_min_port must be less than {kind}_max_port. To disable, set both to zero.")
        return s.Ports(**ports)

    def bind_addr(self) -> str:
        found = self.expander.all("bind_addr", self.values.text("bind_addr"))
        if not found:
            raise ConfigError("bind_addr cannot be empty")
        if len(found) > 1:
            raise ConfigError("bind_addr cannot contain multiple addresses. Use 'addresses.{dns,http,https}' instead.")
        if found[0].unix:
            raise ConfigError("bind_addr cannot be a unix socket")
        return found[0].text

    def cluster_addresses(self, ports: s.Ports) -> dict[str, Any]:
        """What gossip and RPC bind to, and what others are told."""
        values, first_ip = self.values, self.expander.first_ip
        bind = self.bind_addr()
        if is_any(values.text("advertise_addr")):
            raise ConfigError("Advertise address cannot be 0.0.0.0, :: or [::]")
        if is_any(values.text("advertise_addr_wan")):
            raise ConfigError("Advertise WAN address cannot be 0.0.0.0, :: or [::]")
        advertise = first_ip("advertise_addr", values.get("advertise_addr")) or bind
        if is_any(advertise):
            advertise = self.detected(advertise)
        lan_bind = first_ip("serf_lan", values.get("serf_lan")) or bind
        wan_bind = (first_ip("serf_wan", values.get("serf_wan")) or bind) if ports.serf_wan >= 0 else ""
        lan = first_ip("advertise_addr", values.get("advertise_addr")) or advertise
        lan_v4, lan_v6 = self.by_family("advertise_addr", advertise)
        wan = first_ip("advertise_addr_wan", values.get("advertise_addr_wan")) or lan
        wan_v4, wan_v6 = self.by_family("advertise_addr_wan", wan)
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

    def by_family(self, name: str, address: str) -> tuple[str, str]:
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

    def detected(self, any_address: str) -> str:
        """The only private IPv4 address of this host, or its only public IPv6 address."""
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
        """Where the doors listen."""
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

    def check_bootstrap_entries(self) -> None:
        """Config entries that come with the configuration must be fit to be written."""
        entries = self.values.objects("config_entries.bootstrap")
        if not entries:
            return
        from pyconsul.structs.config_entries.decode import EntryDecodeError, decode_entry  # 20 ms of imports
        from pyconsul.structs.config_entries.hashing import prepared
        from pyconsul.structs.errors import InternalError

        for number, raw in enumerate(entries):
            where = f"config_entries.bootstrap[{number}]"
            try:
                prepared(decode_entry(raw, whole_numbers=True)).check()
            except EntryDecodeError as error:
                raise ConfigError(f"{where}: {error}") from error
            except InternalError as error:
                raise ConfigError(f"{where}: {error.text}") from error

    def check_networks(self, name: str) -> None:
        wrong = [f"invalid cidr: {text}" for text in self.values.texts(name) if parse_network(text) is None]
        if wrong:
            raise ConfigError(f"{name}: {several(wrong)}")

    def check_segments(self) -> None:
        """Segments are Enterprise's; one without a port is refused before that is told."""
        for segment in self.values.objects("segments"):
            if not segment.get("port") or cast(int, segment["port"]) <= 0:
                raise ConfigError(f"Port for segment {quote(str(segment.get('name') or ''))} cannot be <= 0")

    def networks(self, name: str) -> tuple[str, ...]:
        return tuple(network for text in self.values.texts(name) if (network := parse_network(text)))

    def ip_sans(self, name: str, label: str) -> tuple[str, ...]:
        found: list[str] = []
        for text in self.values.texts(name):
            ip = parse_ip(text)
            if ip is None:
                self.warnings.append(f"Cannot parse ip {quote(text)} from {label}")
            else:
                found.append(ip)
        return tuple(found)

    # Sections --------------------------------------------------------------------------------------------------------

    def metric_prefixes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Metrics that pass and metrics that are kept back; one that is still in beta is kept back by default."""
        lists: dict[str, list[str]] = {"+": [], "-": []}
        for rule in self.values.texts("telemetry.prefix_filter"):
            if not rule:
                self.warnings.append("Cannot have empty filter rule in prefix_filter")
            elif rule[0] in lists:
                lists[rule[0]].append(rule[1:])
            else:
                self.warnings.append(f"Filter rule must begin with either '+' or '-': {quote(rule)}")
        beta = f"{self.values.text('telemetry.metrics_prefix')}.{_RPC_METRIC}"
        if beta not in lists["+"] and beta not in lists["-"]:
            lists["-"].append(beta)
        return tuple(lists["+"]), tuple(lists["-"])

    def raft_multiplier(self) -> int:
        multiplier = self.values.integer("performance.raft_multiplier")
        if not 1 <= multiplier <= MAX_RAFT_MULTIPLIER:
            raise ConfigError(
                f"performance.raft_multiplier cannot be {multiplier}. Must be between 1 and {MAX_RAFT_MULTIPLIER}"
            )
        return multiplier

    def consul_internals(self, multiplier: int) -> s.Consul:
        timers = {
            name: read(self.values, f"consul.raft.{name}") * multiplier for name in s.ConsulRaft.__struct_fields__
        }
        return build_section(s.Consul, self.values, "consul", raft=s.ConsulRaft(**timers))

    def auto_config(self) -> s.AutoConfig:
        values = self.values
        token = values.text("auto_config.intro_token")
        from_environ = self.environ.get("CONSUL_INTRO_TOKEN", "")
        if from_environ and token:
            self.warnings.append(
                "Both auto_config.intro_token and the CONSUL_INTRO_TOKEN environment variable are set. "
                "Using the value from the environment variable"
            )
        servers = self.expander.optional("auto_config.server_addresses", values.texts("auto_config.server_addresses"))
        return build_section(
            s.AutoConfig,
            values,
            "auto_config",
            intro_token=from_environ or token,
            server_addresses=servers,
            ip_sans=self.ip_sans("auto_config.ip_sans", "auto_config.ip_sans"),
        )

    def connect(self, *, enabled: bool) -> s.Connect:
        values = self.values
        enabled = enabled or values.flag("connect.enabled")
        federation = values.flag("connect.enable_mesh_gateway_wan_federation")
        if federation and not enabled:
            raise ConfigError("'connect.enable_mesh_gateway_wan_federation=true' requires 'connect.enabled=true'")
        given = values.object("connect.ca_config")
        ca_config = {_CA_CONFIG_KEYS.get(name.lower(), name): value for name, value in given.items()}
        return build_section(s.Connect, values, "connect", enabled=enabled, ca_config=ca_config)

    def recursor_strategy(self) -> str:
        strategy = self.values.text("dns_config.recursor_strategy") or "sequential"
        if strategy not in ("sequential", "random"):
            self.values.errors.append(f"dns_config.recursor_strategy: invalid strategy: {quote(strategy)}")
        return strategy

    def http_config(self) -> s.HttpConfig:
        name = "http_config.allow_write_http_from"
        for text in self.values.texts(name):
            if parse_network(text) is None:
                self.values.errors.append(f"allow_write_http_from: invalid cidr: {text}")
        return build_section(s.HttpConfig, self.values, "http_config", allow_write_http_from=self.networks(name))

    def limits(self) -> s.Limits:
        mode = self.values.text("limits.request_limits.mode") or "disabled"
        if mode not in ("disabled", "permissive", "enforcing"):
            self.values.errors.append(f"limits.request_limits.mode: invalid mode: {quote(mode)}")
        limits = build_section(s.LimitsRequestLimits, self.values, "limits.request_limits", mode=mode)
        return build_section(s.Limits, self.values, "limits", request_limits=limits)

    def performance(self) -> s.Performance:
        minimum = self.values.duration_min
        return build_section(
            s.Performance,
            self.values,
            "performance",
            grpc_keepalive_interval=minimum("performance.grpc_keepalive_interval", 30 * SECOND, SECOND),
            grpc_keepalive_timeout=minimum("performance.grpc_keepalive_timeout", 20 * SECOND, SECOND),
        )

    def telemetry(self, prefixes: tuple[tuple[str, ...], tuple[str, ...]]) -> s.Telemetry:
        values = self.values
        on_cloud = self.server and bool(self.environ.get("HCP_RESOURCE_ID") or values.text("cloud.resource_id"))
        return build_section(
            s.Telemetry,
            values,
            "telemetry",
            circonus_submission_interval=values.text("telemetry.circonus_submission_interval"),
            enable_host_metrics=values.flag("telemetry.enable_host_metrics", on_cloud),
            allowed_prefixes=prefixes[0],
            blocked_prefixes=prefixes[1],
        )

    def ui(self) -> s.UiConfig:
        """The UI's settings; the three old keys at the top of a file fill in what is not set."""
        values = self.values
        chosen: dict[str, Any] = {}
        for old, new in (("ui", "enabled"), ("ui_dir", "dir"), ("ui_content_path", "content_path")):
            given = values.get(old)
            if given is None:
                continue
            self.warnings.append(f"The '{old}' field is deprecated. Use the 'ui_config.{new}' field instead.")
            if values.get(f"ui_config.{new}") is None:
                chosen[new] = given
        path = str(chosen.pop("content_path", values.text("ui_config.content_path")))
        headers = values.objects("ui_config.metrics_proxy.add_headers")
        proxy = build_section(
            s.UiConfigMetricsProxy,
            values,
            "ui_config.metrics_proxy",
            add_headers=tuple(s.UiHeader(name=str(h.get("name", "")), value=str(h.get("value", ""))) for h in headers),
            path_allowlist=self.metrics_paths(),
        )
        content_path = f"/{path.strip('/')}/" if path else "/ui/"
        return build_section(s.UiConfig, values, "ui_config", content_path=content_path, metrics_proxy=proxy, **chosen)

    def metrics_paths(self) -> tuple[str, ...]:
        paths = self.values.texts("ui_config.metrics_proxy.path_allowlist")
        if not paths and self.values.text("ui_config.metrics_provider") == "prometheus":
            return ("/api/v1/query", "/api/v1/query_range")
        return paths

    def cloud(self) -> s.Cloud:
        environ = self.environ
        legacy = environ.get("HCP_API_HOST", "")
        if legacy.lower().startswith("https://"):
            legacy = legacy[8:]
        given = {
            "resource_id": environ.get("HCP_RESOURCE_ID", ""),
            "client_id": environ.get("HCP_CLIENT_ID", ""),
            "client_secret": environ.get("HCP_CLIENT_SECRET", ""),
            "auth_url": environ.get("HCP_AUTH_URL", ""),
            "hostname": environ.get("HCP_API_ADDRESS", legacy),
            "scada_address": environ.get("HCP_SCADA_ADDRESS", ""),
        }
        shown = {name: text or self.values.text(f"cloud.{name}") for name, text in given.items()}
        return s.Cloud(node_id=self.values.text("node_id"), **shown)

    def node_name(self) -> str:
        return (self.values.text("node_name") or self.host.hostname()).strip()

    def bootstrap(self) -> dict[str, Any]:
        expect = self.values.integer("bootstrap_expect")
        if expect != 1:
            return {"bootstrap": self.values.flag("bootstrap"), "bootstrap_expect": expect}
        self.warnings.append("BootstrapExpect is set to 1; this is the same as Bootstrap mode.")
        return {"bootstrap": True, "bootstrap_expect": 0}
