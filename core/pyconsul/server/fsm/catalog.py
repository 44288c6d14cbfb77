"""Log entries of the catalog, and its snapshot records: a node, then each of its services, then each of its checks."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Generic, TypeVar

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state import catalog
from pyconsul.server.state.catalog_tables import CHECKS, NODES, SERVICES, row_key
from pyconsul.structs.catalog import DeregisterRequest, HealthCheck, Node, RegisterRequest
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.messages import MessageType
from pyconsul.structs.wire import changed
from pyconsul.telemetry.logging import logger

log = logger("agent.fsm")

Row = TypeVar("Row")


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
    """Put one record back with the Raft indexes that it carries; those of the node stand on the record itself."""
    index = row.ModifyIndex
    if row.Service is not None:
        index = row.Service.ModifyIndex
    elif row.Check is not None:
        index = row.Check.ModifyIndex
    catalog.register(db, index, row, preserve=True)


@snapshot_records(MessageType.REGISTER, RegisterRequest, load=load_register)
def register_rows(frozen: FrozenStore) -> Iterable[RegisterRequest]:
    """The whole catalog, node by node.

    The three tables are walked side by side: to sort 50,000 instances with their checks by node before the first record
    would hold the loop for 0.3 s.
    """
    services = _ByNode(frozen.each(SERVICES), lambda row: row.NodeKey)
    checks = _ByNode(frozen.each(CHECKS), _node_key)
    for node in frozen.each(NODES):
        record = _record(node)
        key = row_key(node.PeerName or "", node.Node)
        yield record
        for row in services.rows_of(key):
            yield changed(record, Service=row.Service)
        for check in checks.rows_of(key):
            yield changed(record, Check=check)
    for row in services.rest():
        if (node := frozen.get(NODES, row.NodeKey)) is not None:
            yield changed(_record(node), Service=row.Service)
    for check in checks.rest():
        if (node := frozen.get(NODES, _node_key(check))) is not None:
            yield changed(_record(node), Check=check)


def _node_key(check: HealthCheck) -> str:
    return row_key(check.PeerName or "", check.Node)


class _ByNode(Generic[Row]):
    """Rows in the order of their keys, asked for node by node in the order of the nodes' keys.

    The two orders are one but for a node with a NUL in its name, which may stand between the rows of another.
    """

    def __init__(self, rows: Iterator[Row], node_of: Callable[[Row], str]) -> None:
        self._groups = groupby(rows, node_of)
        self._next = next(self._groups, None)
        self._late: list[Row] = []

    def rows_of(self, node: str) -> Iterator[Row]:
        """The rows of one node; to be walked to their end before the next is asked for."""
        while self._next is not None and self._next[0] < node:
            self._put_off()
        if self._next is not None and self._next[0] == node:
            yield from self._next[1]
            self._next = next(self._groups, None)

    def rest(self) -> list[Row]:
        """What nobody has got; after the last node."""
        while self._next is not None:
            self._put_off()
        return self._late

    def _put_off(self) -> None:
        self._late += self._next[1] if self._next is not None else ()
        self._next = next(self._groups, None)


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
