"""The merged values made into a RuntimeConfig: texts parsed, old and new ways joined.

The order of the steps in ``build``, and which faults stop at once and which are collected, are those of Consul: every
step may look at what the ones before it have made, and of several faults that stop the first is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from pyconsul.config import sections as s
from pyconsul.config.addresses import parse_ip, parse_network
from pyconsul.config.definitions import read_checks, read_services
from pyconsul.config.errors import ConfigError
from pyconsul.config.hostinterfaces import Host
from pyconsul.config.network import Network
from pyconsul.config.runtime import RuntimeConfig
from pyconsul.config.sectionbuilder import build_section, read
from pyconsul.config.tlssettings import tls_settings
from pyconsul.config.values import Values
from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import HOUR, SECOND
from pyconsul.primitives.multierror import multi_error

MAX_RAFT_MULTIPLIER: Final = 10
_RPC_METRIC: Final = "rpc.server.call"
# The members of ``connect.ca_config`` that Consul renames; any other is the provider's own affair and stays as it is.
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
        self.network = Network(values, host, warnings)
        self.expander = self.network.expander
        self.server = values.flag("server")

    def build(self) -> RuntimeConfig:
        """The configuration. Raises ConfigError for faults that stop at once."""
        values, network = self.values, self.network
        service_ttl = self.service_ttls()
        checks = read_checks(values)
        services = read_services(values)
        ports = network.ports()
        where = network.cluster_addresses(ports)
        client = network.client_addresses(ports)
        recursors = network.recursors()
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
            tagged_addresses=network.tagged_addresses(where),
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
            raise ConfigError(f"{name}: {multi_error(wrong)}")

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
        if legacy.lower().startswith("https://"):  # the old variable may be a URL, the new one is a host
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
