"""Old keys: their values move to the keys that replaced them, and the user is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pyconsul.config.decode import Raw
from pyconsul.primitives.untyped import is_dict

# Old key and where its value belongs, in the order in which Consul warns.
_MOVED: Final[tuple[tuple[str, str], ...]] = (
    ("acl.tokens.agent_master", "acl.tokens.agent_recovery"),
    ("acl_agent_master_token", "acl.tokens.agent_recovery"),
    ("acl_agent_token", "acl.tokens.agent"),
    ("acl_token", "acl.tokens.default"),
    ("acl.tokens.master", "acl.tokens.initial_management"),
    ("acl_master_token", "acl.tokens.initial_management"),
    ("acl_replication_token", "acl.tokens.replication"),
    ("enable_acl_replication", "acl.enable_token_replication"),
    ("acl_datacenter", "primary_datacenter"),
    ("acl_default_policy", "acl.default_policy"),
    ("acl_down_policy", "acl.down_policy"),
    ("acl_ttl", "acl.token_ttl"),
    ("acl_enable_key_list_policy", "acl.enable_key_list_policy"),
    ("start_join", "retry_join"),
    ("start_join_wan", "retry_join_wan"),
    ("raft_boltdb", "raft_logstore.boltdb"),
    ("ca_file", "tls.defaults.ca_file"),
    ("ca_path", "tls.defaults.ca_path"),
    ("cert_file", "tls.defaults.cert_file"),
    ("key_file", "tls.defaults.key_file"),
    ("tls_cipher_suites", "tls.defaults.tls_cipher_suites"),
    ("tls_min_version", "tls.defaults.tls_min_version"),
    ("verify_incoming", "tls.defaults.verify_incoming"),
    ("verify_incoming_https", "tls.https.verify_incoming"),
    ("verify_incoming_rpc", "tls.internal_rpc.verify_incoming"),
    ("verify_outgoing", "tls.defaults.verify_outgoing"),
    ("verify_server_hostname", "tls.internal_rpc.verify_server_hostname"),
)
_OLD_TLS_VERSIONS: Final = {
    "": "TLS_AUTO",
    "tls10": "TLSv1_0",
    "tls11": "TLSv1_1",
    "tls12": "TLSv1_2",
    "tls13": "TLSv1_3",
}


def replace_deprecated(values: Raw) -> tuple[Raw, list[str]]:
    """The values with old keys replaced by new ones, and the warnings. A value of the new key wins."""
    warnings: list[str] = []
    for old, new in _MOVED:
        value = take(values, old)
        if value is None or value == []:
            continue
        special = _SPECIAL.get(old)
        if special is None:
            put_if_unset(values, new, value)
        else:
            special(values, new, value, warnings)
        warnings.append(f"The '{old}' field is deprecated. Use the '{new}' field instead.")
    if take(values, "tls_prefer_server_cipher_suites") is not None:
        warnings.append("The 'tls_prefer_server_cipher_suites' field is deprecated and will be ignored.")
    return values, warnings


def take(values: Raw, name: str) -> Any:
    """Remove a value by its dotted name; None if it is not set."""
    *outer, last = name.split(".")
    section: Raw = values
    for part in outer:
        section = section.get(part) or {}
    return section.pop(last, None)


def put_if_unset(values: Raw, name: str, value: Any) -> None:
    """Set a value by its dotted name unless there is one."""
    *outer, last = name.split(".")
    section = values
    for part in outer:
        section = section.setdefault(part, {})
    section.setdefault(last, value)


Special = Callable[[Raw, str, Any, list[str]], None]


def _join(values: Raw, new: str, value: Any, _warnings: list[str]) -> None:
    values[new] = [*values.get(new, []), *value]


def _replication_token(values: Raw, new: str, value: Any, _warnings: list[str]) -> None:
    put_if_unset(values, new, value)
    values.setdefault("acl", {})["enable_token_replication"] = True


def _acl_datacenter(values: Raw, new: str, value: Any, _warnings: list[str]) -> None:
    put_if_unset(values, new, value)
    values.setdefault("acl", {})["enabled"] = True


def _boltdb(values: Raw, new: str, value: Any, _warnings: list[str]) -> None:
    put_if_unset(values, f"{new}.no_freelist_sync", bool(value.get("nofreelistsync")))


def _tls_min_version(values: Raw, new: str, value: Any, warnings: list[str]) -> None:
    version = _OLD_TLS_VERSIONS.get(value)
    if version is not None and is_unset(values, new):
        warnings.append(f"'tls_min_version' value '{value}' is deprecated, please specify '{version}' instead")
    put_if_unset(values, new, version or value)


def _verify_incoming(values: Raw, new: str, value: Any, _warnings: list[str]) -> None:
    put_if_unset(values, new, value)
    # The old key never asked gRPC clients for certificates.
    put_if_unset(values, "tls.grpc.verify_incoming", False)


def is_unset(values: Raw, name: str) -> bool:
    """Whether a dotted name is not set."""
    section: Any = values
    for part in name.split("."):
        section = section.get(part) if is_dict(section) else None
    return section is None


_SPECIAL: Final[dict[str, Special]] = {
    "start_join": _join,
    "start_join_wan": _join,
    "acl_replication_token": _replication_token,
    "acl_datacenter": _acl_datacenter,
    "raft_boltdb": _boltdb,
    "tls_min_version": _tls_min_version,
    "verify_incoming": _verify_incoming,
}
