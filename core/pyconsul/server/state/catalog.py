"""Writers of the catalog: nodes, service instances and checks, with every index row and session that they move.

All run inside the transaction of one log entry. Validation that only the proposer needs lives in the endpoints.
"""

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.blame import blamed
from pyconsul.server.state import gateway_services, mesh_topology, sessions, virtual_ips
from pyconsul.server.state.catalog_tables import (
    CHECKS,
    KIND_SERVICE_NAMES,
    MISSING_NODE,
    NODES,
    SERVICES,
    KindServiceName,
    ServiceRow,
    checks_changed,
    index_name,
    nodes_changed,
    note_left_services,
    row_key,
    service_changed,
    service_row,
    services_changed,
    services_of_node_changed,
)
from pyconsul.server.state.coordinate import drop_coordinates_of_node
from pyconsul.server.state.indexes import drop_index, raise_index
from pyconsul.structs.catalog import (
    CONSUL_SERVICE_NAME,
    KIND_CONNECT_ENABLED,
    KIND_CONNECT_PROXY,
    KIND_TYPICAL,
    TAGGED_VIRTUAL_IP,
    HealthCheck,
    Node,
    NodeService,
    PeeredServiceName,
    RegisterRequest,
    ServiceAddress,
    ServiceName,
    Weights,
)
from pyconsul.structs.errors import InternalError
from pyconsul.structs.health import CRITICAL, PASSING, SERF_CHECK_ID, same_check
from pyconsul.structs.service_rules import refuse_service_metadata, weights_error
from pyconsul.structs.session import Session
from pyconsul.structs.wire import UNSET, changed, omit

MISSING_SERVICE = "Missing service registration"
MISSING_KEY = "index error: object is missing a value for this index"


# Lookups that writers and other rooms need


def node_named(db: Store, name: str, peer: str = "", ws: WatchSet | None = None) -> Node | None:
    """The node of that name, whatever its case, or None."""
    return db.get(NODES, row_key(peer, name), ws)


def node_with_id(db: Store, node_id: str, peer: str = "") -> Node | None:
    """The node with that ID, or None."""
    found = db.where(NODES, "uuid", row_key(peer, node_id))
    return found[0] if found else None


def service_of_node(
    db: Store, node: str, service_id: str, peer: str = "", ws: WatchSet | None = None
) -> NodeService | None:
    """The instance with that ID on the node, or None."""
    row = db.get(SERVICES, row_key(peer, node, service_id), ws)
    return row.Service if row else None


def check_of_node(
    db: Store, node: str, check_id: str, peer: str = "", ws: WatchSet | None = None
) -> HealthCheck | None:
    """The check with that ID on the node, or None."""
    return db.get(CHECKS, row_key(peer, node, check_id), ws)


# Registration


def register(db: Store, index: int, req: RegisterRequest, *, preserve: bool = False) -> None:
    """Put a node and what comes with it; what is there already and equal changes nothing and raises no index.

    ``preserve`` keeps the Raft indexes that the rows carry, as a restore does. Raises InternalError.
    """
    peer = _one_peer(req)
    existing = node_named(db, req.Node, peer)
    if existing is None or changes_node(req, existing):
        with blamed("failed inserting node"):
            put_node(db, index, _node_of(req, preserve), preserve=preserve)
    if req.Service is not None:
        service = changed(req.Service, PeerName=peer)
        if not _is_stored(service_of_node(db, req.Node, service.ID, peer), service):
            with blamed("failed inserting service"):
                put_service(db, index, req.Node, service, preserve=preserve)
    for check in (*((req.Check,) if req.Check else ()), *(req.Checks or ())):
        if check.Node.lower() != req.Node.lower():
            raise InternalError(f'check node "{check.Node}" does not match node "{req.Node}"')
        with blamed(f'failed inserting check on node "{check.Node}"'):
            put_check(db, index, changed(check, PeerName=omit(peer)), preserve=preserve)


def _one_peer(req: RegisterRequest) -> str:
    checks = (*((req.Check,) if req.Check else ()), *(req.Checks or ()))
    peers = {req.PeerName, *(c.PeerName or req.PeerName for c in checks)}
    if req.Service is not None:
        peers.add(req.Service.PeerName or req.PeerName)
    if len(peers) > 1:
        raise InternalError("Cannot register services and checks for multiple peer names in one registration request")
    return req.PeerName


def _node_of(req: RegisterRequest, preserve: bool) -> Node:
    return Node(
        ID=req.ID,
        Node=req.Node,
        Address=req.Address,
        Datacenter=req.Datacenter,
        TaggedAddresses=req.TaggedAddresses,
        Meta=req.NodeMeta,
        PeerName=omit(req.PeerName),
        Locality=req.Locality or UNSET,
        CreateIndex=req.CreateIndex if preserve else 0,
        ModifyIndex=req.ModifyIndex if preserve else 0,
    )


def changes_node(req: RegisterRequest, node: Node | None) -> bool:
    """Whether the registration says anything new about the node itself."""
    if node is None:
        return True
    if req.SkipNodeUpdate:
        return False
    return (
        req.ID != node.ID
        or req.Node.lower() != node.Node.lower()
        or req.PeerName != (node.PeerName or "")
        or req.Address != node.Address
        or req.Datacenter != node.Datacenter
        or req.TaggedAddresses != node.TaggedAddresses
        or req.NodeMeta != node.Meta
        or req.Locality != (node.Locality or None)
    )


def put_node(db: Store, index: int, node: Node, *, preserve: bool = False) -> None:
    """Insert, change or (same ID, new name) rename a node. Raises InternalError when the name is taken."""
    existing = _node_to_replace(db, index, node)
    if existing is not None:
        node = changed(node, CreateIndex=existing.CreateIndex, ModifyIndex=existing.ModifyIndex)
        if same_node(existing, node):
            return
        node = changed(node, ModifyIndex=index)
    elif not preserve or node.CreateIndex == 0:
        node = changed(node, CreateIndex=index, ModifyIndex=index)
    peer = node.PeerName or ""
    db.put(NODES, node)
    nodes_changed(db, node.ModifyIndex, peer, node.Node)
    services_of_node_changed(db, node.ModifyIndex, peer, node.Node)


def _node_to_replace(db: Store, index: int, node: Node) -> Node | None:
    """The row that the node takes over; removes the old one when this is a rename."""
    peer = node.PeerName or ""
    if node.ID:
        known = node_with_id(db, node.ID, peer)
        if known is None:
            with blamed(f'Error while renaming Node ID: "{node.ID}"'):
                _refuse_taken_name(db, node, idless_may_be_taken=True)
        else:
            if known.Node.lower() != node.Node.lower():
                with blamed(f'Error while renaming Node ID: "{node.ID}" ({node.Address})'):
                    _refuse_taken_name(db, node, idless_may_be_taken=False)
                # All that was on it goes with the old name; its agent registers that again under the new one.
                delete_node(db, index, known.Node, peer)
            return known
    return node_named(db, node.Node, peer)


def _refuse_taken_name(db: Store, node: Node, *, idless_may_be_taken: bool) -> None:
    """A name can be taken over from a node that gossip holds for failed, or that gossip knows nothing of."""
    holder = node_named(db, node.Node, node.PeerName or "")
    if holder is None or holder.ID == node.ID:
        return
    serf = check_of_node(db, holder.Node, SERF_CHECK_ID, holder.PeerName or "")
    healthy = serf is not None and serf.Status != CRITICAL
    if healthy and not (holder.ID == "" and idless_may_be_taken):
        raise InternalError(
            f"Node name {node.Node} is reserved by node {holder.ID} with name {holder.Node} ({holder.Address})"
        )


def same_node(old: Node, new: Node) -> bool:
    """Whether two states of a node differ in nothing that counts; locality does not, nor the case of the name.

    What counts must be the same on every server of a cluster, so Consul's rule holds here, odd as it is.
    """
    if old.Node.lower() != new.Node.lower():
        return False
    return old == changed(
        new,
        Node=old.Node,
        Locality=old.Locality,
        CreateIndex=old.CreateIndex,
        ModifyIndex=old.ModifyIndex,
    )


def _is_stored(old: NodeService | None, new: NodeService) -> bool:
    """Whether a registration says of an instance what is known, down to the difference between none and empty.

    Then Consul touches nothing; one that gives no weights is never the same, as those stored have some.
    """
    return old is not None and old == changed(
        new, LocallyRegisteredAsSidecar=UNSET, CreateIndex=old.CreateIndex, ModifyIndex=old.ModifyIndex
    )


def put_service(db: Store, index: int, node: str, service: NodeService, *, preserve: bool = False) -> None:
    """Insert or change an instance. Raises InternalError for bad metadata or an unknown node."""
    peer = service.PeerName
    existing = db.get(SERVICES, row_key(peer, node, service.ID))
    with blamed(f"Invalid Service Meta for node {node} and serviceID {service.ID}"):
        refuse_service_metadata(service)
    if not peer:
        if (service.Kind or "") == KIND_TYPICAL and service.Service != CONSUL_SERVICE_NAME:
            _stand_behind_gateways(db, index, service.Service, service)
            gateway_services.kind_changed(db, index, service.Service, gateway_services.BEHIND_SERVICE)
        _use_kind_name(db, index, service.Kind or "", service.Service)
    if service.Kind == KIND_CONNECT_PROXY or service.Connect.Native:
        service = _join_mesh(db, index, node, service, existing, preserve=preserve)
    elif existing is not None:
        mesh_topology.unlink(db, index, node, existing.Service)
    if not preserve:
        service = gateway_services.with_addresses(db, index, service)
    # Only now, as in Consul, whose complaints come in this order; what was written so far is undone.
    if db.get(NODES, row_key(peer, node)) is None:
        raise InternalError(MISSING_NODE)
    weights = (
        service.Weights if service.Weights and not weights_error(service.Weights) else Weights(Passing=1, Warning=1)
    )
    service = changed(service, Weights=weights, LocallyRegisteredAsSidecar=UNSET)
    if existing is not None:
        old = existing.Service
        service = changed(service, CreateIndex=old.CreateIndex, ModifyIndex=old.ModifyIndex)
        if same_service(old, service):
            return
    if not preserve:
        created = service.CreateIndex if existing is not None else index
        service = changed(service, ModifyIndex=index, CreateIndex=created)
    row = service_row(node, service)
    if existing is not None:
        note_left_services(db, index, existing, row)
    _insert_service(db, row)


def _insert_service(db: Store, row: ServiceRow) -> None:
    service = row.Service
    db.put(SERVICES, row)
    services_changed(db, service.ModifyIndex, service.PeerName)
    service_changed(db, service.ModifyIndex, service)
    nodes_changed(db, service.ModifyIndex, service.PeerName, row.Node)


def _join_mesh(
    db: Store, index: int, node: str, service: NodeService, existing: ServiceRow | None, *, preserve: bool
) -> NodeService:
    """Note what a mesh instance brings with it; returns it with its virtual address.

    A restore (``preserve``) gives out no addresses: those in use have records of their own.
    """
    mesh_topology.link(db, index, node, service, existing.Service if existing else None)
    name = service.connect_name()
    _stand_behind_gateways(db, index, name, service)
    if not name:
        return service
    if not service.PeerName:
        _use_kind_name(db, index, KIND_CONNECT_ENABLED, name)
    if preserve or not virtual_ips.enabled(db):
        return service
    whose = PeeredServiceName(ServiceName=ServiceName(Name=name), Peer=service.PeerName)
    with blamed("failed updating virtual IP"):
        address = virtual_ips.assign(db, index, whose)
    tagged = dict(service.TaggedAddresses or {})
    tagged[TAGGED_VIRTUAL_IP] = ServiceAddress(Address=address, Port=service.Port or 0)
    return changed(service, TaggedAddresses=tagged)


def _stand_behind_gateways(db: Store, index: int, name: str, service: NodeService) -> None:
    """Let gateways with a wildcard cover a service that has this instance now."""
    gateway_services.service_came(db, index, name, service, gateway_services.BEHIND_SERVICE)


def same_service(old: NodeService, new: NodeService) -> bool:
    """Whether two states of an instance differ in nothing that counts; socket path and locality do not.

    The rule is Consul's, see ``same_node``.
    """
    return old == changed(
        new,
        SocketPath=old.SocketPath,
        Locality=old.Locality,
        CreateIndex=old.CreateIndex,
        ModifyIndex=old.ModifyIndex,
    )


def put_check(db: Store, index: int, check: HealthCheck, *, preserve: bool = False) -> None:
    """Insert or change a check; critical is the status by default, and ends the sessions that lean on it.

    Raises InternalError for an unknown node or service.
    """
    if not check.Node or not check.CheckID:
        raise InternalError(f"failed health check lookup: {MISSING_KEY}")
    peer = check.PeerName or ""
    existing = db.get(CHECKS, row_key(peer, check.Node, check.CheckID))
    if existing is not None:
        check = changed(check, CreateIndex=existing.CreateIndex, ModifyIndex=existing.ModifyIndex)
    elif not preserve:
        check = changed(check, CreateIndex=index)
    if not check.Status:
        check = changed(check, Status=CRITICAL)
    if db.get(NODES, row_key(peer, check.Node)) is None:
        raise InternalError(MISSING_NODE)
    row: ServiceRow | None = None
    if check.ServiceID:
        row = db.get(SERVICES, row_key(peer, check.Node, check.ServiceID))
        if row is None:
            raise InternalError(MISSING_SERVICE)
        check = changed(check, ServiceName=row.Service.Service, ServiceTags=row.Service.Tags)
    modified = existing is None or not same_check(existing, check)
    if modified:
        if row is not None:
            service_changed(db, index, row.Service)
        else:
            services_of_node_changed(db, index, peer, check.Node)
    # Before the check is stored: a session's end may write this very check, and what was registered counts.
    if check.Status == CRITICAL and not peer:
        sessions.drop_sessions_of_check(db, index, check.Node, check.CheckID)
    if modified:
        db.put(CHECKS, check if preserve else changed(check, ModifyIndex=index))
        checks_changed(db, index, peer)


# Deregistration


def delete_node(db: Store, index: int, name: str, peer: str = "") -> None:
    """Remove a node with all that is on it, and end its sessions. Nothing happens when it is not there."""
    if db.get(NODES, row_key(peer, name)) is None:
        return
    for row in db.where(SERVICES, "node", row_key(peer, name)):
        delete_service(db, index, name, row.Service.ID, peer)
    for check in db.where(CHECKS, "node", row_key(peer, name)):
        delete_check(db, index, name, check.CheckID, peer)
    if not peer:
        drop_coordinates_of_node(db, index, name)
    db.delete(NODES, row_key(peer, name))
    nodes_changed(db, index, peer)
    drop_index(db, index_name(peer, f"node.{name}"))
    raise_index(db, index, index_name(peer, "node_last_extinction"))
    if not peer:
        sessions.drop_sessions_of_node(db, index, name)


def delete_service(db: Store, index: int, node: str, service_id: str, peer: str = "") -> None:
    """Remove an instance with its checks. Nothing happens when it is not there."""
    row = db.get(SERVICES, row_key(peer, node, service_id))
    if row is None:
        return
    for check in db.where(CHECKS, "node_service", row_key(peer, node, service_id)):
        delete_check(db, index, node, check.CheckID, peer)
    # Even where it had no checks, as in Consul.
    checks_changed(db, index, peer)
    db.delete(SERVICES, row.Key)
    service = row.Service
    services_changed(db, index, peer)
    service_changed(db, index, service)
    nodes_changed(db, index, peer, node)
    mesh_topology.unlink(db, index, row.Node, service)
    if not db.count_where(SERVICES, "name", row.NameKey):
        _last_instance_gone(db, index, service)
    name = service.connect_name()
    if name and not peer and not db.count_where(SERVICES, "connect", row_key(peer, name)):
        _drop_kind_name(db, index, KIND_CONNECT_ENABLED, name)
        gateway_services.service_went(db, index, name)
    if not peer:
        gateway_services.service_went(db, index, service.Service)


def _last_instance_gone(db: Store, index: int, service: NodeService) -> None:
    peer = service.PeerName
    drop_index(db, index_name(peer, f"service.{service.Service}"))
    raise_index(db, index, index_name(peer, "service_last_extinction"))
    whose = PeeredServiceName(ServiceName=ServiceName(Name=service.Service), Peer=peer)
    virtual_ips.free(db, index, whose)
    if not peer:
        _drop_kind_name(db, index, service.Kind or "", service.Service)


def delete_check(db: Store, index: int, node: str, check_id: str, peer: str = "") -> None:
    """Remove a check and end the sessions that lean on it. Nothing happens when it is not there."""
    check = db.get(CHECKS, row_key(peer, node, check_id))
    if check is None:
        return
    if check.ServiceID:
        row = db.get(SERVICES, row_key(peer, node, check.ServiceID))
        if row is not None:
            service_changed(db, index, changed(row.Service, Service=check.ServiceName))
    else:
        services_of_node_changed(db, index, peer, node)
        services_changed(db, index, peer)
    db.delete(CHECKS, row_key(peer, node, check_id))
    checks_changed(db, index, peer)
    if not peer:
        sessions.drop_sessions_of_check(db, index, node, check_id)


# Names in use by kind


def _use_kind_name(db: Store, index: int, kind: str, name: str) -> None:
    if db.get(KIND_SERVICE_NAMES, f"{kind}\0{name}".lower()) is None:
        db.put(KIND_SERVICE_NAMES, KindServiceName(Kind=kind, Service=name, CreateIndex=index, ModifyIndex=index))
        raise_index(db, index, f"kind_service_names.{kind or 'typical'}")


def _drop_kind_name(db: Store, index: int, kind: str, name: str) -> None:
    db.delete(KIND_SERVICE_NAMES, f"{kind}\0{name}".lower())
    raise_index(db, index, f"kind_service_names.{kind or 'typical'}")


# Checks that show whether a session is alive


def update_session_checks(db: Store, index: int, session: Session, status: str) -> None:
    """Set the checks of type ``session`` that carry this session's name to ``status``."""
    for check in db.where(CHECKS, "node", row_key("", session.Node)):
        if check.Type != "session" or (check.Definition.SessionName or "") != session.Name:
            continue
        claim = "in force" if status == PASSING else "is invalid"
        output = f"Session '{session.ID}' {claim}"
        put_check(db, index, changed(check, Status=status, Output=output), preserve=True)


def _fail_session_checks(db: Store, index: int, session: Session) -> None:
    update_session_checks(db, index, session, CRITICAL)


sessions.ENDINGS.append(_fail_session_checks)
