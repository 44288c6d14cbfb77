"""What the door counts: ``api.http`` of every route, and ``client.api.*`` of those where Consul has such counters."""

from __future__ import annotations

from typing import Final

from pyconsul.telemetry import metrics

__all__ = ["CLIENT_API", "LATE", "RouteFigures", "figures_of", "names_of"]

# Route → what Consul calls it in its client.api and client.rpc.error counters.
CLIENT_API: Final = {
    "/v1/catalog/register": "catalog_register",
    "/v1/catalog/deregister": "catalog_deregister",
    "/v1/catalog/datacenters": "catalog_datacenters",
    "/v1/catalog/nodes": "catalog_nodes",
    "/v1/catalog/services": "catalog_services",
    "/v1/catalog/service/{name...}": "catalog_service_nodes",
    "/v1/catalog/connect/{name...}": "catalog_connect_service_nodes",
    "/v1/catalog/node/{name...}": "catalog_node_services",
    "/v1/catalog/node-services/{name...}": "catalog_node_service_list",
    "/v1/catalog/gateway-services/{name...}": "catalog_gateway_services",
    "/v1/internal/service-virtual-ip": "service_virtual_ips",
    "/v1/operator/usage": "operator_usage",
}
# Consul tells these two apart only when they are asked for.
_OUTCOMES: Final = {"catalog_connect_service_nodes": "catalog_service_nodes"}
# Not there until the first such request.
LATE: Final = frozenset(("catalog_connect_service_nodes", "operator_usage", "service_virtual_ips"))


def names_of(name: str) -> tuple[str, str, str]:
    """The counters of a route: of its requests, of those that went well, of those that an RPC refused."""
    outcome = _OUTCOMES.get(name, name)
    return f"client.api.{name}", f"client.api.success.{outcome}", f"client.rpc.error.{outcome}"


for _name in CLIENT_API.values():
    if _name not in LATE:
        metrics.declare("counter", *names_of(_name))
metrics.declare("summary", "api.http")


class RouteFigures:
    """The figures of one method of one route."""

    __slots__ = ("_api", "_failure", "_success", "_time")

    def __init__(self, method: str, pattern: str, node: str) -> None:
        path = pattern.partition("{")[0].strip("/").replace("/", "_")
        if "{" in pattern:
            path += "_"
        self._time = metrics.timing("api.http", (("method", method), ("path", path))).add
        name = CLIENT_API.get(pattern)
        labels = (("node", node),)
        self._api = self._success = self._failure = None
        if name is not None and method != "OPTIONS":  # which the door answers by itself
            self._api, self._success, self._failure = (metrics.counter(each, labels) for each in names_of(name))

    def note(self, milliseconds: float, status: int) -> None:
        """Note an answer. One to a method that the route does not have (405) is no request to it; one that the door
        refused (400) is neither success nor error of an RPC.
        """
        self._time(milliseconds)
        if self._api is None or self._success is None or self._failure is None or status == 405:
            return
        self._api.pending += 1
        if status == 200:
            self._success.pending += 1
        elif status != 400:
            self._failure.pending += 1


_METHODS: Final = frozenset(("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"))
_made: dict[tuple[str, str, str], RouteFigures] = {}


def figures_of(method: str, pattern: str, node: str) -> RouteFigures:
    """The figures of a method of a route; made once. Clients may invent methods: all others share one label."""
    key = (method if method in _METHODS else "OTHER", pattern, node)
    found = _made.get(key)
    if found is None:
        found = _made[key] = RouteFigures(*key)
    return found
