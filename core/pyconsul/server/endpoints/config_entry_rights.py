"""What the right to read or write a config entry is, by its kind. (``CanRead``, ``CanWrite`` of Consul's entries.)"""

from __future__ import annotations

from typing import Final

from pyconsul.acl import Access, Authorizer
from pyconsul.structs.config_entries.api_gateway import APIGateway
from pyconsul.structs.config_entries.bound_api_gateway import BoundAPIGateway
from pyconsul.structs.config_entries.entry import ConfigEntry
from pyconsul.structs.config_entries.ingress_gateway import IngressGateway
from pyconsul.structs.config_entries.jwt_provider import JWTProvider
from pyconsul.structs.config_entries.mesh import Mesh
from pyconsul.structs.config_entries.proxy_defaults import ProxyDefaults
from pyconsul.structs.config_entries.sameness_group import SamenessGroup
from pyconsul.structs.config_entries.service_defaults import ServiceDefaults
from pyconsul.structs.config_entries.service_intentions import ServiceIntentions
from pyconsul.structs.config_entries.service_resolver import ServiceResolver
from pyconsul.structs.config_entries.service_router import ServiceRouter
from pyconsul.structs.config_entries.service_splitter import ServiceSplitter
from pyconsul.structs.config_entries.terminating_gateway import TerminatingGateway
from pyconsul.structs.errors import PermissionDenied

# Whatever is in no table is read and written by who may do so with the mesh.
_READ_BY_ALL: Final = frozenset((ProxyDefaults.kind, Mesh.kind, SamenessGroup.kind))
_CHAIN: Final = (ServiceRouter, ServiceSplitter, ServiceResolver)
_OF_A_SERVICE: Final = frozenset((ServiceDefaults.kind, *(kind.kind for kind in _CHAIN)))
_READ_AS_SERVICE: Final = _OF_A_SERVICE | {
    IngressGateway.kind,
    TerminatingGateway.kind,
    APIGateway.kind,
    BoundAPIGateway.kind,
}


def require_read(rights: Authorizer, kind: str, name: str) -> None:
    """Raise PermissionDenied unless an entry of this kind and name may be seen."""
    if kind in _READ_AS_SERVICE:
        rights.require("service", Access.READ, name)
    elif kind == ServiceIntentions.kind:
        rights.require("intention", Access.READ, name)
    elif kind == JWTProvider.kind and rights.writes_any_service():
        return  # sidecars read what their listeners need
    elif kind not in _READ_BY_ALL:
        rights.require("mesh", Access.READ)


def may_read(rights: Authorizer, entry: ConfigEntry) -> bool:
    """Whether an entry may be seen."""
    try:
        require_read(rights, entry.kind, entry.name)
    except PermissionDenied:
        return False
    return True


def require_write(rights: Authorizer, entry: ConfigEntry) -> None:
    """Raise PermissionDenied unless the entry may be written or deleted.

    Who leads the traffic of a service elsewhere must see where to.
    """
    if isinstance(entry, BoundAPIGateway):
        raise PermissionDenied("Permission denied: only writeable by controller")
    if entry.kind in _OF_A_SERVICE:
        rights.require("service", Access.WRITE, entry.name)
    elif entry.kind == ServiceIntentions.kind:
        rights.require("intention", Access.WRITE, entry.name)
    else:
        rights.require("mesh", Access.WRITE)
    if isinstance(entry, _CHAIN):
        for name in entry.related():
            if name != entry.name:
                rights.require("service", Access.READ, name)
