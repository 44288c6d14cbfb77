"""``translate_wan_addrs``: answers about another datacenter show WAN addresses where LAN ones would stand."""

from __future__ import annotations

from typing import TypeVar

from pyconsul.agent.http.request import Request
from pyconsul.structs.catalog import CheckServiceNode, Node, NodeService, NodeServiceList, NodeServices, ServiceNode
from pyconsul.structs.wire import changed

T = TypeVar("T")

WAN = "wan"


def translated(req: Request, rows: list[T], datacenter: str) -> list[T]:
    """The rows with WAN addresses, where the agent is told so and asks another datacenter; else as they are."""
    return [with_wan_addresses(row) for row in rows] if _asks_elsewhere(req, datacenter) else rows


def translated_one(req: Request, row: T, datacenter: str) -> T:
    """One row, under the same rule."""
    return with_wan_addresses(row) if _asks_elsewhere(req, datacenter) else row


def _asks_elsewhere(req: Request, datacenter: str) -> bool:
    return req.agent.config.translate_wan_addrs and datacenter != req.agent.datacenter


def with_wan_addresses(row: T) -> T:
    """The row with the addresses that are tagged ``wan``; rows of other types as they are."""
    match row:
        case Node():
            return changed(row, Address=(row.TaggedAddresses or {}).get(WAN, row.Address))
        case NodeService():
            address, port = row.best_address(wan=True)
            return changed(row, Address=address, Port=port or row.Port)
        case ServiceNode():
            return _flat(row)
        case CheckServiceNode():
            return changed(
                row,
                Node=row.Node and with_wan_addresses(row.Node),
                Service=row.Service and with_wan_addresses(row.Service),
            )
        case NodeServices():
            services = {key: with_wan_addresses(one) for key, one in (row.Services or {}).items()}
            return changed(row, Node=row.Node and with_wan_addresses(row.Node), Services=services)
        case NodeServiceList():
            listed = None if row.Services is None else [with_wan_addresses(one) for one in row.Services]
            return changed(row, Node=row.Node and with_wan_addresses(row.Node), Services=listed)
        case _:
            return row


def _flat(row: ServiceNode) -> ServiceNode:
    tagged = (row.ServiceTaggedAddresses or {}).get(WAN)
    row = changed(row, Address=(row.TaggedAddresses or {}).get(WAN, row.Address))
    if tagged is None:
        return row
    return changed(row, ServiceAddress=tagged.Address, ServicePort=tagged.Port or row.ServicePort)
