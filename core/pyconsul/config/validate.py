"""Rules that a finished configuration must keep; the order and the sentences are Consul's."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from pyconsul.config.authorization import check_authorization
from pyconsul.config.ca_provider import check_certificate_authority
from pyconsul.config.errors import ConfigError
from pyconsul.config.runtime import Address, RuntimeConfig
from pyconsul.config.values import Values
from pyconsul.lang.strconv import quote
from pyconsul.primitives import base64_text
from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.multierror import multi_error
from pyconsul.structs.checks import CheckType
from pyconsul.structs.definitions import ServiceDefinition
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.service_rules import is_any_address, metadata_error, service_errors

if TYPE_CHECKING:
    from pyconsul.lang.gourl import Url

_BASIC_NAME: Final = re.compile(r"[a-z0-9_-]+\Z")
_DNS_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_CONTENT_PATH: Final = re.compile(r"[A-Za-z0-9/_-]+\Z")
_VERSION_PATH: Final = re.compile(r"/v\d+/\Z")
_NOT_FOR_DNS: Final = re.compile(r"[^A-Za-z0-9\\-]+")
MAX_LABEL: Final = 63

_DEPLOYMENT_TABLE: Final = "See https://developer.hashicorp.com/docs/internals/consensus.html#deployment-table"
_REMOTE_SCRIPTS: Final = (
    "using enable-script-checks without ACLs and without allow_write_http_from is DANGEROUS, "
    "use enable-local-script-checks instead, see "
    "https://www.hashicorp.com/blog/protecting-consul-from-rce-risk-in-specific-configurations/"
)
_UI_TWICE: Final = (
    "Both the ui_config.enabled and ui_config.dir (or -ui and -ui-dir) were specified, please provide only one.\n"
    "If trying to use your own web UI resources, use ui_config.dir or the -ui-dir flag.\n"
    "The web UI is included in the binary so use ui_config.enabled or the -ui flag to enable it"
)


def validate(runtime: RuntimeConfig, values: Values, warnings: list[str]) -> None:
    """Check the whole configuration.

    Raises ConfigError at the first rule that is broken; may add warnings.

    ``values.errors`` are faults found while building; they come in their turn.
    """
    _early_rules(runtime, values)
    _naming(runtime, warnings)
    _ui(runtime)
    _data_dir(runtime)
    _node_name(runtime, warnings)
    _addressing(runtime, values)
    _bootstrapping(runtime)
    _limits(runtime)
    _federation(runtime)
    if runtime.server:
        _server_storage(runtime)
    _addresses_differ(runtime)
    if values.errors:
        raise ConfigError(multi_error(values.errors))
    _definitions(runtime)
    check_certificate_authority(runtime)
    _roles(runtime)
    _advice(runtime, values, warnings)
    _connections(runtime)
    _auto_config(runtime, warnings)
    if runtime.enable_script_checks and not runtime.acl.enabled and not runtime.http_config.allow_write_http_from:
        warnings.append(_REMOTE_SCRIPTS)


def _refuse(wrong: object, text: str) -> None:
    if wrong:
        raise ConfigError(text)


def _basic_name(field: str, value: str, *, may_be_empty: bool) -> None:
    if not value:
        _refuse(not may_be_empty, f"{field} cannot be empty")
    elif not _BASIC_NAME.match(value):
        raise ConfigError(
            f"{field} can only contain lowercase alphanumeric, - or _ characters. received: {quote(value)}"
        )


def _early_rules(runtime: RuntimeConfig, values: Values) -> None:
    """Rules that Consul checks while it builds the configuration."""
    grpc = runtime.tls.grpc
    auto_tls = runtime.auto_encrypt.tls or runtime.auto_config.enabled
    if grpc.cert_file or (auto_tls and grpc.use_auto_cert):
        _refuse(
            runtime.ports.grpc > 0 and values.get("ports.grpc_tls") is None,
            "the `ports.grpc` listener no longer supports TLS. Use `ports.grpc_tls` instead. This message is "
            "appearing because GRPC is configured to use TLS, but `ports.grpc_tls` is not defined",
        )
    burst, rate = runtime.cache.entry_fetch_max_burst, runtime.cache.entry_fetch_rate
    _refuse(burst <= 0, f"cache.entry_fetch_max_burst must be strictly positive, was: {burst}")
    _refuse(rate <= 0, f"cache.entry_fetch_rate must be strictly positive, was: {rate:g}")


def _naming(runtime: RuntimeConfig, warnings: list[str]) -> None:
    _refuse(
        runtime.raft_protocol != 3,
        f"raft_protocol version {runtime.raft_protocol} is not supported by this version of Consul",
    )
    _basic_name("datacenter", runtime.datacenter, may_be_empty=False)
    if not _DNS_NAME.match(runtime.datacenter):
        warnings.append(
            f"Datacenter : {quote(runtime.datacenter)} will not be PKI X.509 compatible due to invalid characters. "
            "Valid characters include lowercase alphanumeric characters with dashes in between."
        )
    _refuse(not runtime.data_dir and not runtime.dev_mode, "data_dir cannot be empty")


def _ui(runtime: RuntimeConfig) -> None:
    ui = runtime.ui_config
    path = quote(ui.content_path)
    _refuse(
        not _CONTENT_PATH.match(ui.content_path),
        f"ui-content-path can only contain alphanumeric, -, _, or /. received: {path}",
    )
    _refuse(_VERSION_PATH.match(ui.content_path), f"ui-content-path cannot have 'v[0-9]'. received: {path}")
    _basic_name("ui_config.metrics_provider", ui.metrics_provider, may_be_empty=True)
    options = ui.metrics_provider_options_json
    _refuse(
        options and not _is_json_object(options),
        "ui_config.metrics_provider_options_json must be empty or a string containing a valid JSON object. "
        f"received: {quote(options)}",
    )
    base = ui.metrics_proxy.base_url
    _refuse(
        base and not _is_web_url(base),
        f"ui_config.metrics_proxy.base_url must be a valid http or https URL. received: {quote(base)}",
    )
    for allowed in ui.metrics_proxy.path_allowlist:
        _refuse(
            not _is_absolute_path(allowed),
            f"ui_config.metrics_proxy.path_allowlist: path {quote(allowed)} is not an absolute path",
        )
    for name, template in ui.dashboard_url_templates.items():
        _basic_name("ui_config.dashboard_url_templates key names", name, may_be_empty=False)
        # Consul shows the address of the metrics proxy here, and not the template that is wrong.
        _refuse(
            not _is_web_url(template),
            f"ui_config.dashboard_url_templates values must be a valid http or https URL. received: {quote(base)}",
        )


def _is_json_object(text: str) -> bool:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return found is None or isinstance(found, dict)


def _is_web_url(text: str) -> bool:
    url = _url(text)
    return url is not None and url.scheme in ("http", "https")


def _is_absolute_path(text: str) -> bool:
    """Whether a text is the path of a URL and nothing else, with no escapes in it."""
    url = _url(text)
    return text.startswith("/") and url is not None and url.path == text and not url.query and not url.fragment


def _url(text: str) -> Url | None:
    from pyconsul.lang import gourl  # 4 ms of a start, for settings that few have

    try:
        return gourl.parse(text, strict_colons=False)
    except gourl.UrlError:
        return None


def _data_dir(runtime: RuntimeConfig) -> None:
    if runtime.dev_mode:
        return
    path = runtime.data_dir
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"Error getting info on data_dir: stat {path}: {(error.strerror or '').lower()}") from None
    _refuse(not stat.S_ISDIR(found.st_mode), f"data_dir {quote(path)} is not a directory")


def _node_name(runtime: RuntimeConfig, warnings: list[str]) -> None:
    name = runtime.node_name
    _refuse(not name, "node_name cannot be empty")
    lost = f"Node name {quote(name)} will not be discoverable via DNS due to"
    if _NOT_FOR_DNS.search(name):
        warnings.append(f"{lost} invalid characters. Valid characters include all alpha-numerics and dashes.")
    elif len(name.encode()) > MAX_LABEL:
        warnings.append(f"{lost} it being too long. Valid lengths are between 1 and 63 bytes.")


def _addressing(runtime: RuntimeConfig, values: Values) -> None:
    place = runtime.locality
    _refuse(place and place.zone and not place.region, "locality is invalid: zone cannot be set without region")
    _refuse(is_any_address(runtime.advertise_addr), "Advertise address cannot be 0.0.0.0, :: or [::]")
    _refuse(is_any_address(runtime.advertise_addr_wan), "Advertise WAN address cannot be 0.0.0.0, :: or [::]")
    _refuse(runtime.segment or values.get("segments"), "Network segments are not supported in this version of Consul")
    _refuse(any(a.network == "unix" for a in runtime.dns_addrs), "DNS address cannot be a unix socket")
    _refuse(any(is_any_address(r) for r in runtime.recursors), "DNS recursor address cannot be 0.0.0.0, :: or [::]")
    datacenter = re.escape(runtime.datacenter)
    _refuse(
        re.match(rf"(service|connect|node|query|addr|{datacenter})\.({datacenter}\.)?", runtime.alt_domain),
        f"alt_domain cannot start with {{service,connect,node,query,addr,{runtime.datacenter}}}",
    )


def _bootstrapping(runtime: RuntimeConfig) -> None:
    expect = runtime.bootstrap_expect
    _refuse(runtime.bootstrap and not runtime.server, "'bootstrap = true' requires 'server = true'")
    _refuse(expect < 0, f"bootstrap_expect cannot be {expect}. Must be greater than or equal to zero")
    _refuse(expect > 0 and not runtime.server, "'bootstrap_expect > 0' requires 'server = true'")
    _refuse(expect > 0 and runtime.dev_mode, "'bootstrap_expect > 0' not allowed in dev mode")
    _refuse(
        expect > 0 and runtime.bootstrap,
        "'bootstrap_expect > 0' and 'bootstrap = true' are mutually exclusive",
    )


def _limits(runtime: RuntimeConfig) -> None:
    _refuse(
        runtime.check_output_max_size < 1,
        "check_output_max_size must be positive, to discard check output use the discard_check_output flag",
    )
    ae_interval = runtime.ae_interval
    _refuse(ae_interval <= 0, f"ae_interval cannot be {format_duration(ae_interval)}. Must be positive")
    _not_negative("autopilot.max_trailing_logs", runtime.autopilot.max_trailing_logs)
    _basic_name("primary_datacenter", runtime.primary_datacenter, may_be_empty=True)
    _refuse(not runtime.dev_mode and runtime.ui_config.enabled and runtime.ui_config.dir, _UI_TWICE)
    _not_negative("dns_config.udp_answer_limit", runtime.dns_config.udp_answer_limit)
    _not_negative("dns_config.a_record_limit", runtime.dns_config.a_record_limit)
    reason = metadata_error(runtime.node_meta)
    _refuse(reason, f"node_meta invalid: {reason}")
    if runtime.encrypt:
        _gossip_key(runtime.encrypt)


def _not_negative(name: str, value: int) -> None:
    _refuse(value < 0, f"{name} cannot be {value}. Must be greater than or equal to zero")


def _gossip_key(text: str) -> None:
    try:
        base64_text.decode(text.encode("utf-8", "surrogateescape"))
    except base64_text.IllegalBase64 as error:
        raise ConfigError(f"encrypt has invalid key: {error}") from None


def _federation(runtime: RuntimeConfig) -> None:
    if runtime.connect.enable_mesh_gateway_wan_federation:
        name = "'connect.enable_mesh_gateway_wan_federation = true'"
        _refuse(not runtime.server, f"{name} requires 'server = true'")
        _refuse("/" in runtime.node_name, f"{name} requires that 'node_name' not contain '/' characters")
        _refuse(runtime.retry_join_wan, f"'retry_join_wan' is incompatible with {name}")
    if runtime.primary_gateways:
        _refuse(not runtime.server, "'primary_gateways' requires 'server = true'")
        _refuse(
            runtime.primary_datacenter == runtime.datacenter,
            "'primary_gateways' should only be configured in a secondary datacenter",
        )


def _server_storage(runtime: RuntimeConfig) -> None:
    old = os.path.join(runtime.data_dir, "mdb")
    if os.path.exists(old):
        raise ConfigError(
            f"CRITICAL: Deprecated data folder found at {quote(old)}!\n"
            "Consul will refuse to boot with this directory present.\n"
            "See https://developer.hashicorp.com/docs/upgrade-specific.html for more information."
        )
    store = runtime.raft_logstore
    _refuse(
        store.backend not in ("default", "boltdb", "wal"),
        "raft_logstore.backend must be one of 'boltdb' or 'wal'",
    )
    size = store.wal.segment_size_mb
    _refuse(size < 1, "raft_logstore.wal.segment_size_mb cannot be less than 1MB")
    _refuse(size > 1024, "raft_logstore.wal.segment_size_mb cannot be greater than 1024 (1GiB)")


def _addresses_differ(runtime: RuntimeConfig) -> None:
    in_use: dict[str, str] = {}

    def claim(name: str, addresses: Iterable[Address | None]) -> None:
        for address in addresses:
            if address is None:
                continue
            key = f"{address.network}:{address}"
            if key in in_use:
                raise ConfigError(f"{name} address {address} already configured for {in_use[key]}")
            in_use[key] = name

    claim("DNS", runtime.dns_addrs)
    claim("HTTP", runtime.http_addrs)
    claim("HTTPS", runtime.https_addrs)
    claim("RPC Advertise", [runtime.rpc_advertise])
    claim("Serf Advertise LAN", [runtime.serf_advertise_lan])
    claim("Serf Advertise WAN", [runtime.serf_advertise_wan])


def _definitions(runtime: RuntimeConfig) -> None:
    for service in runtime.services:
        reason = _service_fault(service)
        _refuse(reason, f"service {quote(service.Name)}: {reason}")
    for check in runtime.checks:
        reason = _check_fault(check.type)
        _refuse(reason, f"check {quote(check.Name)}: {reason}")


def _service_fault(service: ServiceDefinition) -> str:
    for check in service.Checks:
        reason = _check_fault(check)
        if reason:
            return f"check {quote(check.Name)}: {reason}"
    errors = service_errors(service.node_service())
    return multi_error(errors) if errors else ""


def _check_fault(check: CheckType) -> str:
    try:
        check.validate()
    except (ConsulError, ValueError) as error:
        return str(error)
    return ""


def _roles(runtime: RuntimeConfig) -> None:
    server, auto = runtime.server, runtime.auto_encrypt
    _refuse(server and auto.tls, "auto_encrypt.tls can only be used on a client.")
    _refuse(not server and auto.allow_tls, "auto_encrypt.allow_tls can only be used on a server.")
    _refuse(
        server and runtime.advertise_reconnect_timeout,
        "advertise_reconnect_timeout can only be used on a client",
    )


def _advice(runtime: RuntimeConfig, values: Values, warnings: list[str]) -> None:
    expect, alone = runtime.bootstrap_expect, runtime.bootstrap
    if runtime.server:
        if not runtime.dev_mode and not alone and expect == 2:
            warnings.append(
                "bootstrap_expect = 2: A cluster with 2 servers will provide no failure tolerance. " + _DEPLOYMENT_TABLE
            )
        if not alone and expect > 2 and expect % 2 == 0:
            warnings.append(
                "bootstrap_expect is even number: A cluster with an even number of servers does not achieve "
                "optimum fault tolerance. " + _DEPLOYMENT_TABLE
            )
        if alone and expect == 0:
            warnings.append("bootstrap = true: do not enable unless necessary")
        if not runtime.dev_mode and not alone and expect > 1:
            warnings.append(f"bootstrap_expect > 0: expecting {expect} servers")
        if runtime.use_streaming_backend and not runtime.rpc.enable_streaming:
            warnings.append("use_streaming_backend = true requires rpc.enable_streaming on servers to work properly")
    elif values.flag("rpc.enable_streaming"):
        warnings.append("rpc.enable_streaming = true has no effect when not running in server mode")
    if runtime.auto_encrypt.allow_tls and not runtime.tls.internal_rpc.verify_incoming:
        warnings.append(
            "if auto_encrypt.allow_tls is turned on, tls.internal_rpc.verify_incoming should be enabled (either "
            "explicitly or via tls.defaults.verify_incoming). It is necessary to turn it off during a migration to "
            "TLS, but it should definitely be turned on afterwards."
        )


def _connections(runtime: RuntimeConfig) -> None:
    """Enough file descriptors for the connections that one client may open."""
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = runtime.limits.http_max_conns_per_client
    needed = wanted + 20  # for the agent itself, by Consul's estimate
    _refuse(
        wanted > 0 and 0 <= allowed < needed,  # -1 is no limit
        f"system allows a max of {allowed} file descriptors, but limits.http_max_conns_per_client: {wanted} "
        f"needs at least {needed}",
    )


def _auto_config(runtime: RuntimeConfig, warnings: list[str]) -> None:
    auto = runtime.auto_config
    _refuse(
        auto.enabled and runtime.auto_encrypt.tls,
        "both auto_encrypt.tls and auto_config.enabled cannot be set to true.",
    )
    if auto.authorization.enabled:
        _authorization(runtime)
    if not auto.enabled:
        return
    _refuse(
        not runtime.tls.internal_rpc.verify_outgoing,
        "auto_config.enabled cannot be set without configuring TLS for server communications",
    )
    _refuse(runtime.server, "auto_config.enabled cannot be set to true for server agents.")
    if auto.intro_token and auto.intro_token_file:
        warnings.append(
            "Both an intro token and intro token file are set. The intro token will be used instead of the file"
        )
    _refuse(
        not auto.intro_token and not auto.intro_token_file,
        "One of auto_config.intro_token, auto_config.intro_token_file or the CONSUL_INTRO_TOKEN environment "
        "variable must be set to enable auto_config",
    )
    _refuse(not auto.server_addresses, "auto_config.enabled is set without providing a list of addresses")


def _authorization(runtime: RuntimeConfig) -> None:
    secondary = runtime.primary_datacenter != runtime.datacenter
    _refuse(
        runtime.acl.enabled and secondary and not runtime.acl.enable_token_replication,
        "Enabling auto-config authorization (auto_config.authorization.enabled) in non primary datacenters with ACLs "
        "enabled (acl.enabled) requires also enabling ACL token replication (acl.enable_token_replication)",
    )
    _refuse(not runtime.server, "auto_config.authorization.enabled cannot be set to true for client agents")
    _refuse(
        not runtime.tls.internal_rpc.cert_file,
        "auto_config.authorization.enabled cannot be set without providing a TLS certificate for the server",
    )
    check_authorization(runtime.auto_config.authorization.static)
