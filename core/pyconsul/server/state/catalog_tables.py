"""The catalog's tables, the spelling of their keys, and which index rows a change of them raises.

Keys are lower-case parts joined by NUL, peer first (``~`` is us), so that rows iterate in Consul's own order.
"""

import msgspec

from pyconsul.memdb import Index, Store, Table, WatchSet
from pyconsul.server.state.indexes import max_index, raise_index
from pyconsul.structs.catalog import HealthCheck, Node, NodeService
from pyconsul.structs.wire import WireStruct

LOCAL_PEER = "~"
MISSING_NODE = "Missing node registration"  # what Consul says where a row's node is not there


def row_key(peer: str, *parts: str) -> str:
    """The key of a row of ``peer`` (empty: ours)."""
    return "\0".join((peer or LOCAL_PEER, *parts)).lower()


def index_name(peer: str, name: str) -> str:
    """The index row that stands for ``name`` among the data of ``peer``."""
    return f"peer.{peer or LOCAL_PEER}:{name}"


class ServiceRow(msgspec.Struct, frozen=True, gc=False):
    """An instance on its node. ``Service`` always has weights; ``Node`` is spelled as at registration."""

    Key: str
    Node: str
    NodeKey: str
    NameKey: str
    Service: NodeService


def service_row(node: str, service: NodeService) -> ServiceRow:
    """The row of an instance, with its keys."""
    peer = service.PeerName
    return ServiceRow(
        Key=row_key(peer, node, service.ID),
        Node=node,
        NodeKey=row_key(peer, node),
        NameKey=row_key(peer, service.Service),
        Service=service,
    )


def _meta_keys(node: Node) -> tuple[str, ...]:
    """One key a pair; pairs that differ in letter case alone share theirs, and readers look again."""
    return tuple({row_key(node.PeerName or "", key, value) for key, value in (node.Meta or {}).items()})


def _connect_key(row: ServiceRow) -> tuple[str, ...]:
    service = row.Service
    name = service.connect_name()
    return (row_key(service.PeerName, name),) if name else ()


NODES: Table[Node] = Table(
    name="nodes",
    primary=lambda n: row_key(n.PeerName or "", n.Node),
    indexes={
        "uuid": Index(lambda n: (row_key(n.PeerName or "", n.ID),) if n.ID else ()),
        "meta": Index(_meta_keys),
    },
    ordered=True,
)

SERVICES: Table[ServiceRow] = Table(
    name="services",
    primary=lambda s: s.Key,
    indexes={
        "node": Index(lambda s: (s.NodeKey,)),
        "name": Index(lambda s: (s.NameKey,)),
        "connect": Index(_connect_key),
        "kind": Index(lambda s: (row_key(s.Service.PeerName, s.Service.Kind or ""),)),
    },
    ordered=True,
)

CHECKS: Table[HealthCheck] = Table(
    name="checks",
    primary=lambda c: row_key(c.PeerName or "", c.Node, c.CheckID),
    indexes={
        "status": Index(lambda c: (row_key(c.PeerName or "", c.Status),)),
        "service": Index(lambda c: (row_key(c.PeerName or "", c.ServiceName),) if c.ServiceName else ()),
        "node": Index(lambda c: (row_key(c.PeerName or "", c.Node),)),
        "node_service": Index(lambda c: (row_key(c.PeerName or "", c.Node, c.ServiceID),)),
    },
    ordered=True,
)


class KindServiceName(WireStruct, frozen=True, kw_only=True):
    """A service name that is in use with a kind; rebuilt on restore, never in a snapshot."""

    Kind: str = ""
    Service: str = ""
    CreateIndex: int = 0
    ModifyIndex: int = 0


KIND_SERVICE_NAMES: Table[KindServiceName] = Table(
    name="kind-service-names",
    primary=lambda k: f"{k.Kind}\0{k.Service}".lower(),
    indexes={"kind": Index(lambda k: (k.Kind.lower(),))},
)


class LeftService(WireStruct, frozen=True, kw_only=True):
    """When an instance last left a service by taking another name; never in a snapshot.

    The service's own index does not rise then. ``Key`` is that of the name index or of the connect index.
    """

    Key: str
    Index: int


LEFT_BY_NAME = "name"
LEFT_BY_CONNECT = "connect"
LEFT_SERVICES: Table[LeftService] = Table(name="left-services", primary=lambda s: s.Key)


def note_left_services(db: Store, index: int, old: ServiceRow, new: ServiceRow) -> None:
    """Note which services an instance leaves as it changes."""
    left = [_left_key(LEFT_BY_CONNECT, key) for key in _connect_key(old) if key not in _connect_key(new)]
    if old.NameKey != new.NameKey:
        left.append(_left_key(LEFT_BY_NAME, old.NameKey))
    for key in left:
        db.put(LEFT_SERVICES, LeftService(Key=key, Index=index))


def left_index(db: Store, by: str, service: str, peer: str = "", ws: WatchSet | None = None) -> int:
    """When an instance last left the service by taking another name (or, by connect, destination); 0 if none did."""
    row = db.get(LEFT_SERVICES, _left_key(by, row_key(peer, service)), ws)
    return 0 if row is None else row.Index


def _left_key(by: str, key: str) -> str:
    return f"{by}\0{key}"


# Which index rows move (``wire/fsm.md`` section 2)


def nodes_changed(db: Store, index: int, peer: str, node: str = "") -> None:
    """The node table changed; with ``node``, that node's own row does, too."""
    raise_index(db, index, "nodes", index_name(peer, "nodes"))
    if node:
        raise_index(db, index, index_name(peer, f"node.{node}"))


def services_changed(db: Store, index: int, peer: str) -> None:
    """The service table changed."""
    raise_index(db, index, "services", index_name(peer, "services"))


def service_changed(db: Store, index: int, service: NodeService) -> None:
    """What is known of this service changed: an instance, its node or its checks."""
    kind = f"service_kind.{service.Kind or 'typical'}"
    peer = service.PeerName
    raise_index(db, index, index_name(peer, f"service.{service.Service}"), kind, index_name(peer, kind))


def services_of_node_changed(db: Store, index: int, peer: str, node: str) -> None:
    """Something changed that every service on the node shows: the node itself, or one of its own checks."""
    for row in db.where(SERVICES, "node", row_key(peer, node)):
        service_changed(db, index, row.Service)


def checks_changed(db: Store, index: int, peer: str) -> None:
    """The check table changed."""
    raise_index(db, index, "checks", index_name(peer, "checks"))


def kind_names_index(db: Store, kind: str, ws: WatchSet | None = None) -> int:
    """The index of the names in use with ``kind``."""
    return max_index(db, f"kind_service_names.{kind or 'typical'}", ws=ws)
