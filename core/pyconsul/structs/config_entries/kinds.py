"""The table of kinds."""

from typing import Final

from pyconsul.structs.config_entries.api_gateway import APIGateway
from pyconsul.structs.config_entries.bound_api_gateway import BoundAPIGateway
from pyconsul.structs.config_entries.entry import ConfigEntry
from pyconsul.structs.config_entries.exported_services import ExportedServices
from pyconsul.structs.config_entries.file_system_certificate import FileSystemCertificate
from pyconsul.structs.config_entries.http_route import HTTPRoute
from pyconsul.structs.config_entries.ingress_gateway import IngressGateway
from pyconsul.structs.config_entries.inline_certificate import InlineCertificate
from pyconsul.structs.config_entries.jwt_provider import JWTProvider
from pyconsul.structs.config_entries.mesh import Mesh
from pyconsul.structs.config_entries.proxy_defaults import ProxyDefaults
from pyconsul.structs.config_entries.sameness_group import SamenessGroup
from pyconsul.structs.config_entries.service_defaults import ServiceDefaults
from pyconsul.structs.config_entries.service_intentions import ServiceIntentions
from pyconsul.structs.config_entries.service_resolver import ServiceResolver
from pyconsul.structs.config_entries.service_router import ServiceRouter
from pyconsul.structs.config_entries.service_splitter import ServiceSplitter
from pyconsul.structs.config_entries.tcp_route import TCPRoute
from pyconsul.structs.config_entries.terminating_gateway import TerminatingGateway
from pyconsul.structs.wire import changed

KINDS: Final[dict[str, type[ConfigEntry]]] = {
    entry.kind: entry
    for entry in (
        ServiceDefaults,
        ProxyDefaults,
        ServiceRouter,
        ServiceSplitter,
        ServiceResolver,
        IngressGateway,
        TerminatingGateway,
        ServiceIntentions,
        Mesh,
        ExportedServices,
        SamenessGroup,
        APIGateway,
        BoundAPIGateway,
        HTTPRoute,
        TCPRoute,
        FileSystemCertificate,
        InlineCertificate,
        JWTProvider,
    )
}


class UnknownKindError(ValueError):
    """There is no such kind in the community edition; the text is Consul's."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"invalid config entry kind: {kind}")


def kind_of(kind: str) -> type[ConfigEntry]:
    """The class of a kind. Raises UnknownKindError."""
    found = KINDS.get(kind)
    if found is None:
        raise UnknownKindError(kind)
    return found


def empty_entry(kind: str, name: str) -> ConfigEntry:
    """An entry with nothing but its name, as requests that name one carry it. Raises UnknownKindError."""
    entry = kind_of(kind)()
    return changed(entry, Name=name) if "Name" in entry.__struct_fields__ else entry
