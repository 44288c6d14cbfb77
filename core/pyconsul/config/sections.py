"""The sections of the effective configuration: each field is a key of ``keys.py``, with its value.

Durations are whole nanoseconds (marked ``# ns``). Rates without limit are ``math.inf``. A key that nobody set
has its default, or the zero value of its type. A start asks for the types of all fields, so they are no texts here.
"""

import msgspec


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all sections; it declares no fields."""


class TlsProtocol(Section, frozen=True, kw_only=True):
    """``tls.internal_rpc``, ``tls.https`` or ``tls.grpc``, with what they inherit from ``tls.defaults``."""

    ca_file: str
    ca_path: str
    cert_file: str
    key_file: str
    tls_min_version: str
    tls_cipher_suites: tuple[str, ...]
    verify_incoming: bool
    verify_outgoing: bool
    verify_server_hostname: bool
    use_auto_cert: bool


class Tls(Section, frozen=True, kw_only=True):
    """``tls``."""

    internal_rpc: TlsProtocol
    https: TlsProtocol
    grpc: TlsProtocol


class Cloud(Section, frozen=True, kw_only=True):
    """``cloud``, completed from the ``HCP_*`` variables.

    ``node_id`` is a configured one, never one that was made.
    """

    node_id: str
    resource_id: str
    client_id: str
    client_secret: str
    hostname: str
    auth_url: str
    scada_address: str


class AclTokens(Section, frozen=True, kw_only=True):
    """``acl.tokens``."""

    initial_management: str
    replication: str
    agent_recovery: str
    default: str
    agent: str
    config_file_service_registration: str
    dns: str


class Acl(Section, frozen=True, kw_only=True):
    """``acl``."""

    enabled: bool
    enable_token_replication: bool
    policy_ttl: int  # ns
    role_ttl: int  # ns
    token_ttl: int  # ns
    down_policy: str
    default_policy: str
    enable_key_list_policy: bool
    tokens: AclTokens
    enable_token_persistence: bool


class Addresses(Section, frozen=True, kw_only=True):
    """``addresses``."""

    dns: str
    http: str
    https: str
    grpc: str
    grpc_tls: str


class AutoConfigAuthorizationStatic(Section, frozen=True, kw_only=True):
    """``auto_config.authorization.static``."""

    claim_assertions: tuple[str, ...]
    allow_reuse: bool
    jwt_supported_algs: tuple[str, ...]
    bound_audiences: tuple[str, ...]
    claim_mappings: dict[str, str]
    list_claim_mappings: dict[str, str]
    oidc_discovery_url: str
    oidc_discovery_ca_cert: str
    jwks_url: str
    jwks_ca_cert: str
    jwt_validation_pub_keys: tuple[str, ...]
    bound_issuer: str
    expiration_leeway: int  # ns
    not_before_leeway: int  # ns
    clock_skew_leeway: int  # ns


class AutoConfigAuthorization(Section, frozen=True, kw_only=True):
    """``auto_config.authorization``."""

    enabled: bool
    static: AutoConfigAuthorizationStatic


class AutoConfig(Section, frozen=True, kw_only=True):
    """``auto_config``."""

    enabled: bool
    intro_token: str
    intro_token_file: str
    server_addresses: tuple[str, ...]
    dns_sans: tuple[str, ...]
    ip_sans: tuple[str, ...]
    authorization: AutoConfigAuthorization


class Autopilot(Section, frozen=True, kw_only=True):
    """``autopilot``."""

    cleanup_dead_servers: bool
    last_contact_threshold: int  # ns
    max_trailing_logs: int
    min_quorum: int
    server_stabilization_time: int  # ns
    disable_upgrade_migration: bool
    redundancy_zone_tag: str
    upgrade_version_tag: str


class Cache(Section, frozen=True, kw_only=True):
    """``cache``."""

    entry_fetch_max_burst: int
    entry_fetch_rate: float


class ConfigEntries(Section, frozen=True, kw_only=True):
    """``config_entries``."""

    bootstrap: tuple[dict[str, object], ...]


class AutoEncrypt(Section, frozen=True, kw_only=True):
    """``auto_encrypt``."""

    tls: bool
    dns_san: tuple[str, ...]
    ip_san: tuple[str, ...]
    allow_tls: bool


class Connect(Section, frozen=True, kw_only=True):
    """``connect``."""

    enabled: bool
    ca_provider: str
    ca_config: dict[str, object]
    enable_mesh_gateway_wan_federation: bool
    test_ca_leaf_root_change_spread: int  # ns


class DnsConfigSoa(Section, frozen=True, kw_only=True):
    """``dns_config.soa``."""

    refresh: int
    retry: int
    expire: int
    min_ttl: int


class DnsConfig(Section, frozen=True, kw_only=True):
    """``dns_config``."""

    allow_stale: bool
    a_record_limit: int
    disable_compression: bool
    enable_truncate: bool
    max_stale: int  # ns
    node_ttl: int  # ns
    only_passing: bool
    recursor_strategy: str
    recursor_timeout: int  # ns
    service_ttl: dict[str, int]  # ns by service name; "*" and prefixes with "*" match many
    udp_answer_limit: int
    enable_additional_node_meta_txt: bool
    soa: DnsConfigSoa
    use_cache: bool
    cache_max_age: int  # ns


class GossipLan(Section, frozen=True, kw_only=True):
    """``gossip_lan``."""

    gossip_nodes: int
    gossip_interval: int  # ns
    probe_interval: int  # ns
    probe_timeout: int  # ns
    suspicion_mult: int
    retransmit_mult: int


class GossipWan(Section, frozen=True, kw_only=True):
    """``gossip_wan``."""

    gossip_nodes: int
    gossip_interval: int  # ns
    probe_interval: int  # ns
    probe_timeout: int  # ns
    suspicion_mult: int
    retransmit_mult: int


class HttpConfig(Section, frozen=True, kw_only=True):
    """``http_config``."""

    block_endpoints: tuple[str, ...]
    allow_write_http_from: tuple[str, ...]
    response_headers: dict[str, str]
    use_cache: bool
    max_header_bytes: int


class LimitsRequestLimits(Section, frozen=True, kw_only=True):
    """``limits.request_limits``."""

    mode: str
    read_rate: float
    write_rate: float


class Limits(Section, frozen=True, kw_only=True):
    """``limits``."""

    http_max_conns_per_client: int
    https_handshake_timeout: int  # ns
    request_limits: LimitsRequestLimits
    rpc_client_timeout: int  # ns
    rpc_handshake_timeout: int  # ns
    rpc_max_burst: int
    rpc_max_conns_per_client: int
    rpc_rate: float
    kv_max_value_size: int
    txn_max_req_len: int


class Locality(Section, frozen=True, kw_only=True):
    """``locality``."""

    region: str
    zone: str


class Peering(Section, frozen=True, kw_only=True):
    """``peering``."""

    enabled: bool
    test_allow_peer_registrations: bool


class Performance(Section, frozen=True, kw_only=True):
    """``performance``."""

    leave_drain_time: int  # ns
    raft_multiplier: int
    rpc_hold_timeout: int  # ns
    grpc_keepalive_interval: int  # ns
    grpc_keepalive_timeout: int  # ns
    enable_xds_load_balancing: bool


class Ports(Section, frozen=True, kw_only=True):
    """``ports``."""

    dns: int
    http: int
    https: int
    serf_lan: int
    serf_wan: int
    server: int
    grpc: int
    grpc_tls: int
    proxy_min_port: int
    proxy_max_port: int
    sidecar_min_port: int
    sidecar_max_port: int
    expose_min_port: int
    expose_max_port: int


class Telemetry(Section, frozen=True, kw_only=True):
    """``telemetry``."""

    circonus_api_app: str
    circonus_api_token: str
    circonus_api_url: str
    circonus_broker_id: str
    circonus_broker_select_tag: str
    circonus_check_display_name: str
    circonus_check_force_metric_activation: str
    circonus_check_id: str
    circonus_check_instance_id: str
    circonus_check_search_tag: str
    circonus_check_tags: str
    circonus_submission_interval: str
    circonus_submission_url: str
    disable_hostname: bool
    disable_per_tenancy_usage_metrics: bool
    enable_host_metrics: bool
    dogstatsd_addr: str
    dogstatsd_tags: tuple[str, ...]
    retry_failed_connection: bool
    filter_default: bool
    prefix_filter: tuple[str, ...]
    allowed_prefixes: tuple[str, ...]
    blocked_prefixes: tuple[str, ...]
    metrics_prefix: str
    prometheus_retention_time: int  # ns
    statsd_address: str
    statsite_address: str


class Xds(Section, frozen=True, kw_only=True):
    """``xds``."""

    update_max_per_second: float


class UiHeader(Section, frozen=True, kw_only=True):
    """``ui_config.metrics_proxy.add_headers[]``."""

    name: str
    value: str


class UiConfigMetricsProxy(Section, frozen=True, kw_only=True):
    """``ui_config.metrics_proxy``."""

    base_url: str
    add_headers: tuple[UiHeader, ...]
    path_allowlist: tuple[str, ...]


class UiConfig(Section, frozen=True, kw_only=True):
    """``ui_config``."""

    enabled: bool
    dir: str
    content_path: str
    metrics_provider: str
    metrics_provider_files: tuple[str, ...]
    metrics_provider_options_json: str
    metrics_proxy: UiConfigMetricsProxy
    dashboard_url_templates: dict[str, str]


class UnixSockets(Section, frozen=True, kw_only=True):
    """``unix_sockets``."""

    group: str
    mode: str
    user: str


class Rpc(Section, frozen=True, kw_only=True):
    """``rpc``."""

    enable_streaming: bool


class RaftLogstoreVerification(Section, frozen=True, kw_only=True):
    """``raft_logstore.verification``."""

    enabled: bool
    interval: int  # ns


class RaftLogstoreBoltdb(Section, frozen=True, kw_only=True):
    """``raft_logstore.boltdb``."""

    no_freelist_sync: bool


class RaftLogstoreWal(Section, frozen=True, kw_only=True):
    """``raft_logstore.wal``."""

    segment_size_mb: int


class RaftLogstore(Section, frozen=True, kw_only=True):
    """``raft_logstore``."""

    backend: str
    disable_log_cache: bool
    verification: RaftLogstoreVerification
    boltdb: RaftLogstoreBoltdb
    wal: RaftLogstoreWal


class ConsulCoordinate(Section, frozen=True, kw_only=True):
    """``consul.coordinate``."""

    update_batch_size: int
    update_max_batches: int
    update_period: int  # ns


class ConsulRaft(Section, frozen=True, kw_only=True):
    """``consul.raft``."""

    election_timeout: int  # ns
    heartbeat_timeout: int  # ns
    leader_lease_timeout: int  # ns


class ConsulServer(Section, frozen=True, kw_only=True):
    """``consul.server``."""

    health_interval: int  # ns


class Consul(Section, frozen=True, kw_only=True):
    """``consul``."""

    coordinate: ConsulCoordinate
    raft: ConsulRaft
    server: ConsulServer


class ReportingLicense(Section, frozen=True, kw_only=True):
    """``reporting.license``."""

    enabled: bool


class Reporting(Section, frozen=True, kw_only=True):
    """``reporting``."""

    license: ReportingLicense
