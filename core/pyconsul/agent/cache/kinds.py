"""What the agent caches: which method answers, and whether an entry keeps itself fresh."""

from typing import Any, Generic, TypeVar

import msgspec

from pyconsul.structs.catalog import (
    IndexedCheckServiceNodes,
    IndexedServiceNodes,
    IndexedServices,
)

R = TypeVar("R")


class CacheKind(msgspec.Struct, Generic[R], frozen=True):
    """One kind of cached answer.

    ``refreshes``: a blocking query in the background keeps the entry fresh, so that neither its age nor
    must-revalidate matter; otherwise an entry is as old as its fetch. ``guarded``: the answer depends on the token.
    ``tells_unchanged``: servers leave an answer out that the asker has already; of others nobody counts that.
    """

    name: str
    method: str
    reply: type[R]
    refreshes: bool = True
    guarded: bool = True
    tells_unchanged: bool = False


DATACENTERS: CacheKind[Any] = CacheKind(
    "catalog-datacenters", "Catalog.ListDatacenters", list, refreshes=False, guarded=False
)
SERVICES: CacheKind[IndexedServices] = CacheKind(
    "catalog-list-services", "Catalog.ListServices", IndexedServices, tells_unchanged=True
)
SERVICE_NODES: CacheKind[IndexedServiceNodes] = CacheKind(
    "catalog-services", "Catalog.ServiceNodes", IndexedServiceNodes
)
HEALTH_SERVICES: CacheKind[IndexedCheckServiceNodes] = CacheKind(
    "health-services", "Health.ServiceNodes", IndexedCheckServiceNodes
)
# What of it Consul's stream serves. The question itself decides which of the two it is, so that they share the name.
STREAMED_HEALTH_SERVICES: CacheKind[IndexedCheckServiceNodes] = CacheKind(
    HEALTH_SERVICES.name, "Subscribe.ServiceNodes", IndexedCheckServiceNodes
)
