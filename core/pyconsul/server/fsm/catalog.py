"""Log entries of the catalog, and its snapshot records: a node, then each of its services, then each of its checks."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state import catalog
from pyconsul.server.state.catalog_tables import CHECKS, NODES, SERVICES, row_key
from pyconsul.structs.catalog import DeregisterRequest, HealthCheck, Node, NodeService, RegisterRequest
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.messages import MessageType
from pyconsul.structs.wire import changed
from pyconsul.telemetry.logging import logger

log = logger("agent.fsm")


@applies(MessageType.REGISTER, RegisterRequest)
def apply_register(db: Store, index: int, req: RegisterRequest) -> None:
    """Put a node with a service and checks; raises InternalError where the state forbids it."""
    try:
        catalog.register(db, index, req)
    except ConsulError as error:
        log.warn("EnsureRegistration failed", error=error.text)
        raise


@applies(MessageType.DEREGISTER, DeregisterRequest)
def apply_deregister(db: Store, index: int, req: DeregisterRequest) -> None:
    """Drop a service, a check or a node; what is not there is no error."""
    if req.ServiceID:
        catalog.delete_service(db, index, req.Node, req.ServiceID, req.PeerName)
    elif req.CheckID:
        catalog.delete_check(db, index, req.Node, req.CheckID, req.PeerName)
    else:
        catalog.delete_node(db, index, req.Node, req.PeerName)


def load_register(db: Store, row: RegisterRequest) -> None:
    """Put one record back with the Raft indexes that it carries."""
    index = row.ModifyIndex
    if row.Service is not None:
        index = row.Service.ModifyIndex
    elif row.Check is not None:
        index = row.Check.ModifyIndex
    catalog.register(db, index, row, preserve=True)


@snapshot_records(MessageType.REGISTER, RegisterRequest, load=load_register)
def register_rows(frozen: FrozenStore) -> Iterable[RegisterRequest]:
    """The whole catalog, node by node."""
    services: dict[str, list[NodeService]] = {}
    for row in frozen.all(SERVICES):
        services.setdefault(row.NodeKey, []).append(row.Service)
    checks: dict[str, list[HealthCheck]] = {}
    for check in frozen.all(CHECKS):
        checks.setdefault(row_key(check.PeerName or "", check.Node), []).append(check)
    for node in frozen.all(NODES):
        record = _record(node)
        key = row_key(node.PeerName or "", node.Node)
        yield record
        for service in services.get(key, ()):
            yield changed(record, Service=service)
        for check in checks.get(key, ()):
            yield changed(record, Check=check)


def _record(node: Node) -> RegisterRequest:
    return RegisterRequest(
        Datacenter=node.Datacenter,
        ID=node.ID,
        Node=node.Node,
        Address=node.Address,
        TaggedAddresses=node.TaggedAddresses,
        NodeMeta=node.Meta,
        Locality=node.Locality or None,
        PeerName=node.PeerName or "",
        CreateIndex=node.CreateIndex,
        ModifyIndex=node.ModifyIndex,
    )
