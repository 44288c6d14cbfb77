"""Who may register what in the catalog, and who may drop it. (``vetRegisterWithACL``, ``vetDeregisterWithACL``.)"""

from __future__ import annotations

from pyconsul.acl import Access, Authorizer
from pyconsul.memdb import Store
from pyconsul.server.state.catalog import changes_node, check_of_node, node_named, service_of_node
from pyconsul.structs.catalog import (
    CONSUL_SERVICE_NAME,
    KIND_CONNECT_PROXY,
    DeregisterRequest,
    HealthCheck,
    NodeService,
    RegisterRequest,
)
from pyconsul.structs.errors import InternalError, PermissionDenied


def vet_service(rights: Authorizer, service: NodeService) -> None:
    """Raise PermissionDenied unless the service, and what a proxy speaks for, may be written.

    Servers put ``consul`` into the catalog themselves, so that it is left to the rules of a whole registration.
    """
    if service.Service != CONSUL_SERVICE_NAME:
        rights.require("service", Access.WRITE, service.Service)
    if service.Kind == KIND_CONNECT_PROXY:
        rights.require("service", Access.WRITE, service.Proxy.DestinationServiceName or "")


def vet_registration(db: Store, rights: Authorizer, req: RegisterRequest) -> None:
    """Raise PermissionDenied for what the token may not write, InternalError for checks of somewhere else.

    Who says nothing new about the node needs no right to it.
    """
    if not rights.unrestricted:
        _vet_node_and_service(db, rights, req)
    for check in req.Checks or ():
        _vet_check(db, rights, req, check)


def _vet_node_and_service(db: Store, rights: Authorizer, req: RegisterRequest) -> None:
    if changes_node(req, node_named(db, req.Node)):
        rights.require("node", Access.WRITE, req.Node)
    if req.Service is None:
        return
    rights.require("service", Access.WRITE, req.Service.Service)
    replaced = service_of_node(db, req.Node, req.Service.ID)
    if replaced is not None and not rights.allows("service", Access.WRITE, replaced.Service):
        raise PermissionDenied


def _vet_check(db: Store, rights: Authorizer, req: RegisterRequest, check: HealthCheck) -> None:
    if check.Node.lower() != req.Node.lower():
        raise InternalError(
            f"Node '{check.Node}' for check '{check.CheckID}' doesn't match register request node '{req.Node}'"
        )
    if not check.ServiceID:
        rights.require("node", Access.WRITE, req.Node)
        return
    if req.Service is not None and check.ServiceID == req.Service.ID:
        return
    known = service_of_node(db, req.Node, check.ServiceID)
    if known is None or check.ServiceID != known.ID:
        raise InternalError(f"Unknown service ID '{check.ServiceID}' for check ID '{check.CheckID}'")
    rights.require("service", Access.WRITE, known.Service)


def vet_deregistration(db: Store, rights: Authorizer, req: DeregisterRequest) -> None:
    """Raise PermissionDenied unless the token may drop this. Who may write the node may drop all that is on it."""
    if rights.allows("node", Access.WRITE, req.Node):
        return
    if req.ServiceID:
        service = service_of_node(db, req.Node, req.ServiceID, req.PeerName)
        if service is None:
            raise InternalError(f"Unknown service ID '{req.ServiceID}'")
        rights.require("service", Access.WRITE, service.Service)
        return
    if req.CheckID:
        check = check_of_node(db, req.Node, req.CheckID, req.PeerName)
        if check is None:
            raise InternalError(f"Unknown check ID '{req.CheckID}'")
        if check.ServiceID:
            rights.require("service", Access.WRITE, check.ServiceName)
            return
    rights.require("node", Access.WRITE, req.Node)
