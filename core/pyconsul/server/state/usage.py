"""How much there is of what: the counts of ``/v1/operator/usage``."""

from collections import Counter

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.state.catalog_tables import NODES, SERVICES, ServiceRow
from pyconsul.server.state.indexes import max_index
from pyconsul.structs.catalog import CONSUL_SERVICE_NAME
from pyconsul.structs.operator import ServiceUsage

NATIVE = "connect-native"
KINDS = ("api-gateway", NATIVE, "connect-proxy", "ingress-gateway", "mesh-gateway", "terminating-gateway")


class UsageCount:
    """Counts instances row by row, so that a caller may take its time. What peers export does not count."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._instances = 0
        self._billable = 0
        self._kinds: Counter[str] = Counter()

    def add(self, row: ServiceRow) -> None:
        """Count one instance."""
        if row.Service.PeerName:
            return
        self._names.add(row.NameKey)
        self._instances += 1
        self._billable += _is_billable(row)
        self._kinds.update(_kinds_of(row))

    def total(self, nodes: int = 0) -> ServiceUsage:
        """What came together."""
        return ServiceUsage(
            Services=len(self._names),
            ServiceInstances=self._instances,
            ConnectServiceInstances={kind: self._kinds[kind] for kind in KINDS},
            BillableServiceInstances=self._billable,
            Nodes=nodes,
        )


def service_usage(db: Store, ws: WatchSet | None = None) -> tuple[int, ServiceUsage]:
    """The counts of local data, and the index of the services table."""
    usage = UsageCount()
    for row in db.all(SERVICES, ws):
        usage.add(row)
    nodes = sum(1 for node in db.all(NODES, ws) if not node.PeerName)
    return max_index(db, "services"), usage.total(nodes)


def _kinds_of(row: ServiceRow) -> list[str]:
    kinds = [row.Service.Kind] if row.Service.Kind else []
    return [*kinds, NATIVE] if row.Service.Connect.Native else kinds


def _is_billable(row: ServiceRow) -> bool:
    return not row.Service.Kind and row.Service.Service != CONSUL_SERVICE_NAME
