"""How much there is of what: the counts of ``/v1/operator/usage``."""

from collections import Counter

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.state.catalog_tables import NODES, SERVICES, ServiceRow
from pyconsul.server.state.indexes import max_index
from pyconsul.structs.catalog import CONSUL_SERVICE_NAME
from pyconsul.structs.operator import ServiceUsage

NATIVE = "connect-native"
KINDS = ("api-gateway", NATIVE, "connect-proxy", "ingress-gateway", "mesh-gateway", "terminating-gateway")


def service_usage(db: Store, ws: WatchSet | None = None) -> tuple[int, ServiceUsage]:
    """The counts of local data, and the index of the services table. What peers export does not count."""
    rows = [row for row in db.all(SERVICES, ws) if not row.Service.PeerName]
    nodes = sum(1 for node in db.all(NODES, ws) if not node.PeerName)
    by_kind = Counter(name for row in rows for name in _kinds_of(row))
    usage = ServiceUsage(
        Services=len({row.NameKey for row in rows}),
        ServiceInstances=len(rows),
        ConnectServiceInstances={kind: by_kind[kind] for kind in KINDS},
        BillableServiceInstances=sum(1 for row in rows if _is_billable(row)),
        Nodes=nodes,
    )
    return max_index(db, "services"), usage


def _kinds_of(row: ServiceRow) -> list[str]:
    kinds = [row.Service.Kind] if row.Service.Kind else []
    return [*kinds, NATIVE] if row.Service.Connect.Native else kinds


def _is_billable(row: ServiceRow) -> bool:
    return not row.Service.Kind and row.Service.Service != CONSUL_SERVICE_NAME
