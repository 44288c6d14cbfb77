"""The effective configuration of an agent: every key with its final value, and what follows from it."""

from __future__ import annotations

import msgspec

from pyconsul.config.sections import (
    Acl,
    Addresses,
    AutoConfig,
    AutoEncrypt,
    Autopilot,
    Cache,
    Cloud,
    ConfigEntries,
    Connect,
    Consul,
    DnsConfig,
    GossipLan,
    GossipWan,
    HttpConfig,
    Limits,
    Locality,
    Peering,
    Performance,
    Ports,
    RaftLogstore,
    Reporting,
    Rpc,
    Section,
    Telemetry,
    Tls,
    UiConfig,
    UnixSockets,
    Xds,
)
from pyconsul.structs.definitions import CheckDefinition, ServiceDefinition


class Address(msgspec.Struct, frozen=True):
    """Where a door listens or what is advertised: IP address and port, or the path of a unix socket."""

    network: str  # "tcp", "udp" or "unix"
    host: str  # the IP address without brackets, or the path
    port: int = 0

    def __str__(self) -> str:
        """``127.0.0.1:8500``, ``[::1]:8500`` or the path, as Go prints addresses."""
        if self.network == "unix":
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def url(self) -> str:
        """With the network in front: ``tcp://127.0.0.1:8500``, ``unix:///run/consul.sock``."""
        return f"{self.network}://{self}"


class RuntimeConfig(Section, frozen=True, kw_only=True):
    """Everything an agent may ask of its configuration; keys carry their own names.

    Addresses are expanded: ``bind_addr`` and the ``advertise_addr*`` are single IP addresses or "". A port
    that is off is -1. ``tagged_addresses`` is complete.
    """

    acl: Acl
    addresses: Addresses
    advertise_addr: str
    advertise_addr_ipv4: str
    advertise_addr_ipv6: str
    advertise_addr_wan: str
    advertise_addr_wan_ipv4: str
    advertise_addr_wan_ipv6: str
    advertise_reconnect_timeout: int  # ns
    auto_config: AutoConfig
    autopilot: Autopilot
    bind_addr: str
    bootstrap: bool
    bootstrap_expect: int
    cache: Cache
    check_output_max_size: int
    check_update_interval: int  # ns
    checks: tuple[CheckDefinition, ...]
    client_addrs: tuple[str, ...]  # of client_addr, expanded
    config_entries: ConfigEntries
    auto_encrypt: AutoEncrypt
    connect: Connect
    cloud: Cloud
    dns_config: DnsConfig
    domain: str
    alt_domain: str
    recursors: tuple[str, ...]
    data_dir: str
    datacenter: str
    default_query_time: int  # ns
    default_intention_policy: str
    disable_anonymous_signature: bool
    disable_coordinates: bool
    disable_host_node_id: bool
    disable_http_unprintable_char_filter: bool
    disable_keyring_file: bool
    disable_remote_exec: bool
    disable_update_check: bool
    discard_check_output: bool
    discovery_max_stale: int  # ns
    enable_agent_tls_for_checks: bool
    enable_central_service_config: bool
    enable_debug: bool
    enable_script_checks: bool
    enable_local_script_checks: bool
    enable_syslog: bool
    encrypt: str
    encrypt_verify_incoming: bool
    encrypt_verify_outgoing: bool
    experiments: tuple[str, ...]
    gossip_lan: GossipLan
    gossip_wan: GossipWan
    http_config: HttpConfig
    leave_on_terminate: bool
    limits: Limits
    locality: Locality | None
    log_level: str
    log_json: bool
    log_file: str
    log_rotate_duration: int  # ns
    log_rotate_bytes: int
    log_rotate_max_files: int
    max_query_time: int  # ns
    node_id: str
    node_meta: dict[str, str]
    node_name: str
    peering: Peering
    performance: Performance
    pid_file: str
    ports: Ports
    primary_datacenter: str
    primary_gateways: tuple[str, ...]
    primary_gateways_interval: int  # ns
    protocol: int
    raft_protocol: int
    raft_snapshot_threshold: int
    raft_snapshot_interval: int  # ns
    raft_trailing_logs: int
    raft_prevote_disabled: bool
    reconnect_timeout: int  # ns
    reconnect_timeout_wan: int  # ns
    rejoin_after_leave: bool
    auto_reload_config: bool
    retry_interval: int  # ns
    retry_interval_wan: int  # ns
    retry_join: tuple[str, ...]
    retry_max: int
    retry_max_wan: int
    retry_join_wan: tuple[str, ...]
    serf_lan_allowed_cidrs: tuple[str, ...]
    serf_wan_allowed_cidrs: tuple[str, ...]
    serf_lan: str
    serf_wan: str
    server: bool
    server_name: str
    server_rejoin_age_max: int  # ns
    services: tuple[ServiceDefinition, ...]
    session_ttl_min: int  # ns
    skip_leave_on_interrupt: bool
    syslog_facility: str
    tls: Tls
    tagged_addresses: dict[str, str]
    telemetry: Telemetry
    translate_wan_addrs: bool
    xds: Xds
    ui_config: UiConfig
    unix_sockets: UnixSockets
    watches: tuple[dict[str, object], ...]
    rpc: Rpc
    raft_logstore: RaftLogstore
    use_streaming_backend: bool
    ae_interval: int  # ns
    check_deregister_interval_min: int  # ns
    check_reap_interval: int  # ns
    consul: Consul
    revision: str
    segment_limit: int
    segment_name_limit: int
    sync_coordinate_interval_min: int  # ns
    sync_coordinate_rate_target: float
    version: str
    version_prerelease: str
    version_metadata: str
    build_date: str
    read_replica: bool
    segment: str
    reporting: Reporting

    # What follows from the keys.
    dev_mode: bool
    dns_addrs: tuple[Address, ...]  # TCP ones first, then the same for UDP
    http_addrs: tuple[Address, ...]
    https_addrs: tuple[Address, ...]
    grpc_addrs: tuple[Address, ...]
    grpc_tls_addrs: tuple[Address, ...]
    rpc_bind: Address
    rpc_advertise: Address
    serf_bind_lan: Address
    serf_advertise_lan: Address
    serf_bind_wan: Address | None  # None while the WAN pool is off
    serf_advertise_wan: Address | None
