"""Config entries at the command line: read from HCL or JSON, and shown as Consul's API client writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from pyconsul.cli.console import Console, Failed
from pyconsul.cli.files import data_source_not_raw
from pyconsul.primitives.untyped import is_dict, is_list

# Where the API client orders fields of a struct otherwise than the server does: the fields around which it differs, by
# the path of the struct below its kind ("" for itself). Facts of the client's structs.
_ORDERS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("proxy-defaults", ""): ("Kind", "Name", "Mode", "TransparentProxy", "MutualTLSMode", "Config"),
    ("ingress-gateway", ""): ("Kind", "Name", "TLS", "Listeners", "Meta", "Defaults"),
    ("ingress-gateway", "Listeners"): ("Port", "Protocol", "Services", "TLS"),
    ("api-gateway", ""): ("Kind", "Name", "Meta"),
    ("http-route", ""): ("Kind", "Name", "Parents", "Rules", "Hostnames", "Meta", "CreateIndex", "ModifyIndex"),
    ("tcp-route", ""): ("Kind", "Name", "Parents", "Services", "Meta", "Status"),
    ("terminating-gateway", "Services"): ("DisableAutoHostRewrite",),
    ("service-router", "Routes.Destination"): (
        "RequestTimeout",
        "IdleTimeout",
        "Service",
        "ServiceSubset",
        "Namespace",
        "Partition",
        "PrefixRewrite",
        "NumRetries",
        "RetryOnConnectFailure",
        "RetryOnStatusCodes",
        "RetryOn",
    ),
    ("service-intentions", "Sources"): (
        "Name",
        "Peer",
        "SamenessGroup",
        "Action",
        "Permissions",
        "Precedence",
        "Type",
        "Description",
        "LegacyID",
    ),
}
# What the client leaves out while it is zero, and the server writes.
_LEFT_OUT: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("service-defaults", ""): ("Protocol",),
    ("service-defaults", "UpstreamConfig.Defaults"): ("Peer",),
    ("service-defaults", "UpstreamConfig.Overrides"): ("Peer",),
    ("proxy-defaults", ""): ("Config",),
    ("service-router", ""): ("Routes",),
    ("service-splitter", ""): ("Splits",),
    ("terminating-gateway", ""): ("Services",),
    ("exported-services", ""): ("Name",),
    ("file-system-certificate", ""): ("Certificate", "PrivateKey"),
    ("jwt-provider", "Forwarding"): ("PadForwardPayloadHeader",),
    ("mesh", "Peering"): ("PeerThroughMeshGateways",),
    ("mesh", "HTTP.Incoming.RequestNormalization"): (
        "InsecureDisablePathNormalization",
        "MergeSlashes",
        "PathWithEscapedSlashesAction",
        "HeadersWithUnderscoresAction",
    ),
    ("api-gateway", "Listeners.TLS"): ("MaxVersion", "MinVersion", "CipherSuites"),
}
# What the client always writes, and the server leaves out while it is zero, by the end of the path; with what stands
# in front of it (``...``: only where it is there).
_ALWAYS: Final[dict[str, dict[str, Any]]] = {
    "Expose.Paths": {"ListenerPort": ..., "Path": ..., "LocalPathPort": ..., "Protocol": ..., "ParsedFromCheck": False},
    "Limits": {"MaxConnections": None, "MaxPendingRequests": None, "MaxConcurrentRequests": None},
    "PassiveHealthCheck": {"Interval": ..., "MaxFailures": 0},
}
_SERVERS_ALONE: Final = "bound-api-gateway"  # the client has no such kind, for only a controller writes it
# What only Consul Enterprise has: the command takes it, an edition that lacks it refuses it in words of its own.
_ENTERPRISE_KINDS: Final = frozenset(("control-plane-request-limit",))
_ENTERPRISE_KEY: Final = re.compile(r"(?:^|\.)(?:partition|namespace|jwt\.providers)$", re.IGNORECASE)
_LIST_THEM: Final = (
    "`consul config list -kind service-defaults -filter 'MutualTLSMode == \"permissive\"'` names those that do."
)
_OPAQUE: Final = frozenset(("Config", "Arguments", "Meta", "LegacyMeta"))


def client_has(kind: str) -> bool:
    """Whether Consul's API client knows a kind, and so asks a server for it."""
    from pyconsul.structs.config_entries.kinds import KINDS

    return kind in _ENTERPRISE_KINDS or (kind in KINDS and kind != _SERVERS_ALONE)


def entry_from(path: str, console: Console) -> dict[str, Any]:
    """The entry in a file, or with ``-`` on standard input. Raises Failed."""
    try:
        data = data_source_not_raw(path, console)
    except Failed as error:
        raise Failed(f"Failed to load data: {error}") from error
    return entry_in(data)


def entry_in(data: bytes) -> dict[str, Any]:
    """The entry that HCL or JSON describes, as Consul's API client sends it. Raises Failed with Consul's reason."""
    from pyconsul.lang import hcl
    from pyconsul.lang.gojson_syntax import GoSyntaxError
    from pyconsul.structs import gojson
    from pyconsul.structs.config_entries.decode import EntryDecodeError, decode_entry, unknown_keys
    from pyconsul.structs.godecode import parse, parse_whole

    try:
        # The command's shim reads JSON as such: through HCL, maps would become lists of maps.
        is_json = data.lstrip()[:1] == b"{"
        raw = parse_whole(data) if is_json else hcl.parse(data)
    except (hcl.HclError, GoSyntaxError) as error:
        raise Failed(f"Failed to decode config entry input: Failed to decode config entry input: {error}") from error
    known, hashes = _as_read(raw)
    try:
        if is_dict(known) and _kind(known) == _SERVERS_ALONE:
            raise EntryDecodeError(f"invalid config entry kind: {_SERVERS_ALONE}")
        entry = decode_entry(known, whole_numbers=not is_json, by_client=True)
        if hashes:
            raise unknown_keys(hashes)
    except EntryDecodeError as error:
        strangers = [path for path in (*error.unknown, *hashes) if not _ENTERPRISE_KEY.search(path)]
        if _left_to_the_server(raw, error.unknown, strangers):
            return _named(raw)
        reason = unknown_keys(list(dict.fromkeys(strangers))) if error.unknown and strangers else error
        raise Failed(f"Failed to decode config entry input: {reason}") from error
    return shown(parse(gojson.encode(entry)))


def _as_read(raw: Any) -> tuple[Any, list[str]]:
    """What the client's structs take of an entry, and the keys of a hash, of which they know nothing.

    An empty partition or namespace is none: the client does not send it.
    """
    if not is_dict(raw):
        return raw, []
    hashes = [key for key in raw if key.lower() == "hash"]
    nowhere = [key for key in raw if key.lower() in ("partition", "namespace") and raw[key] in ("", None)]
    return {key: value for key, value in raw.items() if key not in (*hashes, *nowhere)}, hashes


def _left_to_the_server(raw: Any, unknown: Sequence[str], strangers: Sequence[str]) -> bool:
    """Whether the command knows all that an entry has beyond this edition: the server, which may be another, judges."""
    if unknown:
        return not strangers
    kind = _kind(raw) if is_dict(raw) else None
    return isinstance(kind, str) and kind in _ENTERPRISE_KINDS


def _kind(raw: dict[str, Any]) -> Any:
    return raw.get("Kind", raw.get("kind"))


def _named(raw: dict[str, Any]) -> dict[str, Any]:
    """The entry as it was written, kind and name under their canonical keys."""
    rest = {key: value for key, value in raw.items() if key.lower() not in ("kind", "name")}
    name = next((value for key, value in raw.items() if key.lower() == "name"), "")
    return {"Kind": _kind(raw), **({} if _kind(raw) == "mesh" else {"Name": name}), **rest}


_ONLY_NAMES: Final = {"mesh": "mesh", "proxy-defaults": "global"}


def entry_name(entry: dict[str, Any]) -> str:
    """Kind and name, as messages have them; where a kind has one entry only, its name, whatever was written."""
    kind = str(entry["Kind"])
    return f"{kind}/{_ONLY_NAMES.get(kind) or entry.get('Name') or ''}"


def warning_about(entry: dict[str, Any]) -> str:
    """What whoever wrote this entry should know, "" for nothing."""
    kind = entry["Kind"]
    if kind == "mesh" and entry.get("AllowEnablingPermissiveMutualTLS"):
        return f"AllowEnablingPermissiveMutualTLS=true lets services turn mutual TLS off for who comes in. {_LIST_THEM}"
    if entry.get("MutualTLSMode") != "permissive":
        return ""
    if kind == "service-defaults":
        return "MutualTLSMode=permissive lets plain traffic in. Go back to `strict` once nobody sends such traffic."
    return f"MutualTLSMode=permissive lets plain traffic in everywhere; leave that to single services. {_LIST_THEM}"


def shown(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as Consul's API client prints it: in its order of fields, without the hash."""
    kind = str(entry.get("Kind", ""))
    return _struct(kind, "", {name: value for name, value in entry.items() if name != "Hash"})


def _struct(kind: str, path: str, value: dict[str, Any]) -> dict[str, Any]:
    always = next((fields for end, fields in _ALWAYS.items() if f".{path}".endswith(f".{end}")), None) or {}
    whole = {**{name: value.get(name, default) for name, default in always.items()}, **value}
    zero = _LEFT_OUT.get((kind, path), ())
    found: dict[str, Any] = {}
    for name in dict.fromkeys([*_ORDERS.get((kind, path), ()), *whole]):
        member = whole.get(name, ...)
        if member is not ... and (member or name not in zero):
            found[name] = _member(kind, f"{path}.{name}" if path else name, member)
    return found


def _member(kind: str, path: str, value: Any) -> Any:
    if path.rpartition(".")[2] in _OPAQUE:
        return value
    if is_dict(value):
        return _struct(kind, path, value)
    if is_list(value):
        return [_member(kind, path, item) for item in value]
    return value
