"""Which service stands behind which gateway. Config entries fill this table; without them it stays empty."""

from pyconsul.memdb import Index, Store, Table, WatchSet
from pyconsul.server.state.indexes import max_index
from pyconsul.structs.internal import GatewayService

INDEX = "gateway-services"

GATEWAY_SERVICES: Table[GatewayService] = Table(
    name=INDEX,
    primary=lambda g: f"{g.Gateway.Name}\0{g.Service.Name}\0{g.Port or 0}".lower(),
    indexes={
        "gateway": Index(lambda g: (g.Gateway.Name.lower(),)),
        "service": Index(lambda g: (g.Service.Name.lower(),)),
    },
)


def services_of_gateway(db: Store, gateway: str, ws: WatchSet | None = None) -> tuple[int, list[GatewayService]]:
    """The table's index, and the services behind a gateway; wildcard rows stand for none themselves."""
    found = db.where(GATEWAY_SERVICES, "gateway", gateway.lower(), ws)
    return max_index(db, INDEX, ws=ws), [row for row in found if row.Service.Name != "*"]


def all_gateway_services(db: Store, ws: WatchSet | None = None) -> tuple[int, list[GatewayService]]:
    """The table's index, and every service behind any gateway."""
    return max_index(db, INDEX, ws=ws), [row for row in db.all(GATEWAY_SERVICES, ws) if row.Service.Name != "*"]


def gateways_of_service(db: Store, service: str, kind: str, ws: WatchSet | None = None) -> list[GatewayService]:
    """The rows of gateways of one kind in front of a service."""
    found = db.where(GATEWAY_SERVICES, "service", service.lower(), ws)
    return [row for row in found if row.GatewayKind == kind]
