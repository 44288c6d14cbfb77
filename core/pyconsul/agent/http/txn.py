"""``/v1/txn``: several operations, all or none."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pyconsul.agent.http.reply import Reply, meta_fields
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import format_duration
from pyconsul.structs import godecode
from pyconsul.structs.api_shapes import ApiDefinition, ApiProxy, ApiServiceAddress, ApiTransparentProxy
from pyconsul.structs.catalog import Node, NodeService, ServiceAddress, Weights
from pyconsul.structs.connect_proxy import ConnectProxyConfig, MeshGatewayConfig, TransparentProxyConfig
from pyconsul.structs.errors import BadRequest, TooLarge
from pyconsul.structs.health import HealthCheck, HealthCheckDefinition
from pyconsul.structs.kv import DirEntry
from pyconsul.structs.txn import (
    ApiCheckTxnOp,
    ApiKVTxnOp,
    ApiNodeTxnOp,
    ApiServiceTxnOp,
    ApiTxnOp,
    TxnCheckOp,
    TxnKVOp,
    TxnNodeOp,
    TxnOp,
    TxnReadRequest,
    TxnReadResponse,
    TxnRequest,
    TxnResponse,
    TxnServiceOp,
)
from pyconsul.structs.wire import UNSET, UnsetType, omit

MAX_OPS = 128
SIZE_HELP = "https://developer.hashicorp.com/docs/agent/config/config-files#txn_max_req_len"
KV_WRITES = frozenset(("set", "delete", "delete-cas", "delete-tree", "cas", "lock", "unlock"))
# Every digit becomes a 1, so that a search for ones finds numbers by their length.
_SHAPES = bytes(ord("1") if chr(byte).isdecimal() else byte for byte in range(128)).ljust(256, b"?")
_LONG = b"1" * 19  # digits of a number that may not fit Go's 64 bits
_NEGATIVE = re.compile(rb"[\s:,\[]-\d")


def _by_itself(kind: type[Any], value: Any) -> Any:
    """A value of a type that msgspec does not know, which has a reader of its own."""
    return kind.from_json(value)


_AS_WRITTEN = msgspec.json.Decoder(list[ApiTxnOp], dec_hook=_by_itself)


@route("PUT", "/v1/txn")
async def txn(req: Request) -> Reply:
    """Apply operations; 409 with ``Errors`` where any was refused. One without writes goes beside the log."""
    api_ops = _api_ops(req)
    ops = [_internal(op, req) for op in api_ops]
    ops = [op for op in ops if op is not None]
    if not any(_is_write(op) for op in ops):
        ask = TxnReadRequest(Ops=ops, **req.read_options(refuse_enterprise=False))
        found = await req.rpc("Txn.Read", ask, TxnReadResponse)
        headers = {"X-Consul-Lastcontact": "0", "X-Consul-Knownleader": "true" if found.KnownLeader else "false"}
        body: dict[str, Any] = {"Results": found.Results, "Errors": found.Errors}
        return Reply(
            body | meta_fields(found),
            status=409 if found.Errors else 200,
            headers=headers,
        )
    done = await req.rpc("Txn.Apply", TxnRequest(Ops=ops, Datacenter=req.datacenter(), Token=req.token()), TxnResponse)
    return Reply(done, status=409 if done.Errors else 200)


def _api_ops(req: Request) -> list[ApiTxnOp]:
    longest = req.agent.txn_max_req_len
    if req.body_size > longest:
        raise TooLarge(f"Request body({req.body_size} bytes) too large, max size: {longest} bytes. See {SIZE_HELP}.")
    if _has_odd_number(req.body):
        return _within_limit(_lenient_ops(req.body))
    try:
        return _within_limit(_AS_WRITTEN.decode(req.body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _within_limit(_lenient_ops(req.body))


def _has_odd_number(body: bytes) -> bool:
    """Whether there may be a number with limits of its own, which only the lenient decoder knows.

    Looking for shapes takes 5 µs for 64 operations, a regular expression for the same 190 µs.
    """
    shapes = body.translate(_SHAPES)
    return _LONG in shapes or (b"-1" in shapes and _NEGATIVE.search(body) is not None)


def _lenient_ops(body: bytes) -> list[ApiTxnOp]:
    try:
        return godecode.into_list(godecode.parse(body), ApiTxnOp, "api.TxnOps")
    except ValueError as error:
        raise BadRequest(f"Failed to parse body: {error}") from error


def _within_limit(ops: list[ApiTxnOp]) -> list[ApiTxnOp]:
    if len(ops) > MAX_OPS:
        raise TooLarge(f"Transaction contains too many operations ({len(ops)} > {MAX_OPS})")
    return ops


def _internal(op: ApiTxnOp, req: Request) -> TxnOp | None:
    """The operation in the form of the log; None for an empty one, which Consul passes over."""
    if op.KV is not None:
        return TxnOp(KV=_kv(op.KV, req.agent.kv_max_value_size))
    if op.Node is not None:
        return TxnOp(Node=_node(op.Node, req.agent.datacenter))
    if op.Service is not None:
        return TxnOp(Service=_service(op.Service))
    if op.Check is not None:
        return TxnOp(Check=_check(op.Check))
    return None


def _is_write(op: TxnOp) -> bool:
    if op.KV is not None:
        return op.KV.Verb in KV_WRITES
    catalog_op = op.Node or op.Service or op.Check
    return catalog_op is not None and catalog_op.Verb != "get"


def _kv(op: ApiKVTxnOp, limit: int) -> TxnKVOp:
    if op.Value is not None and len(op.Value) > limit:
        raise TooLarge(f"Value for key {quote(op.Key)} is too large ({len(op.Value)} > {limit} bytes)")
    entry = DirEntry(Key=op.Key, Value=op.Value or None, Flags=op.Flags, Session=omit(op.Session), ModifyIndex=op.Index)
    return TxnKVOp(Verb=op.Verb, DirEnt=entry)


def _node(op: ApiNodeTxnOp, datacenter: str) -> TxnNodeOp:
    node = op.Node
    row = Node(
        ID=node.ID,
        Node=node.Node,
        Address=node.Address,
        Datacenter=node.Datacenter or datacenter,
        PeerName=omit(node.PeerName),
        TaggedAddresses=node.TaggedAddresses,
        Meta=node.Meta,
        ModifyIndex=node.ModifyIndex,
    )
    return TxnNodeOp(Verb=op.Verb, Node=row)


def _service(op: ApiServiceTxnOp) -> TxnServiceOp:
    service = op.Service
    row = NodeService(
        ID=service.ID,
        Service=service.Service,
        Kind=omit(service.Kind),
        Tags=service.Tags,
        Address=service.Address,
        Meta=service.Meta,
        Port=omit(service.Port),
        Weights=Weights(Passing=service.Weights.Passing, Warning=service.Weights.Warning),
        EnableTagOverride=service.EnableTagOverride,
        TaggedAddresses=omit({name: _address(given) for name, given in (service.TaggedAddresses or {}).items()}),
        Proxy=_proxy(service.Proxy or ApiProxy()),
        ModifyIndex=service.ModifyIndex,
    )
    return TxnServiceOp(Verb=op.Verb, Node=op.Node, Service=row)


def _address(given: ApiServiceAddress) -> ServiceAddress:
    return ServiceAddress(Address=given.Address, Port=given.Port)


def _proxy(given: ApiProxy) -> ConnectProxyConfig:
    """Of a proxy only where it leads and how it is reached: Consul takes over no more in a transaction."""
    transparent = given.TransparentProxy or ApiTransparentProxy()
    return ConnectProxyConfig(
        DestinationServiceName=omit(given.DestinationServiceName),
        DestinationServiceID=omit(given.DestinationServiceID),
        LocalServiceAddress=omit(given.LocalServiceAddress),
        LocalServicePort=omit(given.LocalServicePort),
        LocalServiceSocketPath=omit(given.LocalServiceSocketPath),
        MeshGateway=MeshGatewayConfig(Mode=omit(given.MeshGateway.Mode)),
        TransparentProxy=TransparentProxyConfig(
            OutboundListenerPort=omit(transparent.OutboundListenerPort),
            DialedDirectly=omit(transparent.DialedDirectly),
        ),
    )


def _check(op: ApiCheckTxnOp) -> TxnCheckOp:
    check = op.Check
    row = HealthCheck(
        Node=check.Node,
        CheckID=check.CheckID,
        Name=check.Name,
        Status=check.Status,
        Notes=check.Notes,
        Output=check.Output,
        Type=check.Type,
        ServiceID=check.ServiceID,
        ServiceName=check.ServiceName,
        ServiceTags=check.ServiceTags,
        PeerName=omit(check.PeerName),
        ExposedPort=check.ExposedPort,
        Definition=_definition(check.Definition),
        ModifyIndex=check.ModifyIndex,
    )
    return TxnCheckOp(Verb=op.Verb, Check=row)


def _definition(given: ApiDefinition) -> HealthCheckDefinition:
    return HealthCheckDefinition(
        HTTP=omit(given.HTTP),
        TLSServerName=omit(given.TLSServerName),
        TLSSkipVerify=omit(given.TLSSkipVerify),
        Header=omit(given.Header or {}),
        Method=omit(given.Method),
        Body=omit(given.Body),
        TCP=omit(given.TCP),
        TCPUseTLS=omit(given.TCPUseTLS),
        GRPC=omit(given.GRPC),
        GRPCUseTLS=omit(given.GRPCUseTLS),
        OSService=omit(given.OSService),
        Interval=_duration(given.Interval),
        Timeout=_duration(given.Timeout),
        DeregisterCriticalServiceAfter=_duration(given.DeregisterCriticalServiceAfter),
    )


def _duration(nanoseconds: int) -> str | UnsetType:
    return format_duration(nanoseconds) if nanoseconds else UNSET
