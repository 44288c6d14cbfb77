"""RPC methods of the ACL system as a whole: bootstrap, replication, what a token may do and what it was given."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pyconsul.acl import Access, Authorizer
from pyconsul.acl.questions import answer
from pyconsul.memdb import WatchSet
from pyconsul.primitives.ids import uuid_fault
from pyconsul.primitives.system_errors import file_text
from pyconsul.server.leader.acl import is_token_id_taken, management_token, unused_token_id
from pyconsul.server.registry import rpc
from pyconsul.server.state.acl import policy_with_id, role_with_id, token_with_accessor, with_names
from pyconsul.server.state.acl_tokens import BOOTSTRAP_OVER, can_bootstrap, reset_index
from pyconsul.structs.acl import (
    RESERVED_PREFIX,
    ACLAuthorizationRequest,
    ACLAuthorizationResponse,
    ACLInitialTokenBootstrapRequest,
    ACLPolicy,
    ACLPolicyBatchGetRequest,
    ACLPolicyBatchResponse,
    ACLReplicationStatus,
    ACLRole,
    ACLRoleBatchGetRequest,
    ACLRoleBatchResponse,
    ACLToken,
    ACLTokenBootstrapRequest,
    RemoteACLAuthorizationRequest,
)
from pyconsul.structs.catalog import DCSpecificRequest
from pyconsul.structs.errors import AclDisabled, AclNotFound, InternalError, PermissionDenied
from pyconsul.structs.messages import MessageType
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server.acl")

RESET_FILE: Final = "acl-bootstrap-reset"  # below the data directory
_NUMBER: Final = re.compile(r"\s*(\d+)")
_UINT64: Final = 1 << 64

Row = TypeVar("Row", ACLPolicy, ACLRole)


def require_acls(srv: Server) -> None:
    """Raise AclDisabled while ACLs are off."""
    if not srv.acl.enabled:
        raise AclDisabled


def acl_reader(srv: Server, secret: str, ws: WatchSet | None) -> Authorizer:
    """The rights of whoever may read ACLs. Raises AclDisabled, AclNotFound, PermissionDenied."""
    require_acls(srv)
    authorizer = srv.acl.authorizer(secret, ws)
    authorizer.require("acl", Access.READ)
    return authorizer


def require_acl_writer(srv: Server, secret: str) -> None:
    """Raise AclDisabled, AclNotFound or PermissionDenied for whoever may not write ACLs."""
    require_acls(srv)
    srv.acl.authorizer(secret).require("acl", Access.WRITE)


# Bootstrap


@rpc("ACL.BootstrapTokens")
async def bootstrap(srv: Server, ask: ACLInitialTokenBootstrapRequest) -> ACLToken:
    """Make the first management token: once, and again where the reset file names the last time's index."""
    require_acls(srv)
    reset = 0 if can_bootstrap(srv.db) else _reset_index(srv)
    # Whether the bootstrap works or not, the file must not open the door again after a restore.
    _remove_reset_file(srv)
    secret = ask.BootstrapSecret or unused_token_id(srv.db)
    if ask.BootstrapSecret:
        _refuse_bad_secret(srv, secret)
    token = management_token(unused_token_id(srv.db), secret, "Bootstrap Token (Global Management)")
    await srv.propose(MessageType.ACL_BOOTSTRAP, ACLTokenBootstrapRequest(Token=token, ResetIndex=reset))
    log.info("ACL bootstrap completed")
    stored = token_with_accessor(srv.db, token.AccessorID)
    return token if stored is None else with_names(srv.db, stored)


def _reset_index(srv: Server) -> int:
    """The index in the reset file. Raises InternalError where it is not that of the last bootstrap."""
    last, given = reset_index(srv.db), _index_in_file(Path(srv.config.data_dir) / RESET_FILE)
    if not given:
        raise InternalError(f"{BOOTSTRAP_OVER} (reset index: {last})")
    if given != last:
        raise InternalError(f"Invalid bootstrap reset index (specified {given}, reset index: {last})")
    return given


def _index_in_file(path: Path) -> int:
    """The number at the beginning of a file; 0 where there is none."""
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return 0
    except OSError as error:
        log.error("bootstrap: failed to read path", path=str(path), error=file_text(error))
        return 0
    found = _NUMBER.match(text)
    if found is None or int(found[1]) >= _UINT64:
        log.error("failed to parse bootstrap reset index path", path=str(path), error="expected integer")
        return 0
    log.debug("parsed bootstrap reset index path", path=str(path), reset_index=int(found[1]))
    return int(found[1])


def _remove_reset_file(srv: Server) -> None:
    try:
        (Path(srv.config.data_dir) / RESET_FILE).unlink()
    except OSError as error:
        log.warn("failed to remove bootstrap file", error=file_text(error))


def _refuse_bad_secret(srv: Server, secret: str) -> None:
    if fault := uuid_fault(secret):
        raise InternalError(fault)
    if is_token_id_taken(srv.db, secret) or secret.startswith(RESERVED_PREFIX):
        raise InternalError("Provided token cannot be used because a token with that secret already exists.")


# What a token may do


@rpc("ACL.Authorize")
async def authorize(srv: Server, ask: RemoteACLAuthorizationRequest) -> list[ACLAuthorizationResponse]:
    """Answers in the order of the questions. Raises InternalError for one that makes no sense."""
    require_acls(srv)
    authorizer = srv.acl.authorizer(ask.Token)
    try:
        return answers(authorizer, ask.Requests or [])
    except ValueError as error:
        raise InternalError(str(error)) from error


def answers(authorizer: Authorizer, questions: list[ACLAuthorizationRequest]) -> list[ACLAuthorizationResponse]:
    """Each question with its answer. Raises ValueError for one that makes no sense."""
    return [
        ACLAuthorizationResponse(
            Resource=one.Resource,
            Segment=one.Segment,
            Access=one.Access,
            Allow=answer(authorizer, one.Resource, one.Segment or "", one.Access),
        )
        for one in questions
    ]


@rpc("ACL.PolicyResolve")
async def resolve_policies(srv: Server, ask: ACLPolicyBatchGetRequest) -> ACLPolicyBatchResponse:
    """Those of the asker's own policies. Raises PermissionDenied for a policy that the token does not have."""
    require_acls(srv)
    token = _own_token(srv, ask.Token)
    own = {policy.ID: policy for policy in srv.acl.policies_of(token)}
    linked = {link.ID: policy_with_id(srv.db, link.ID) for link in token.Policies or ()}
    return ACLPolicyBatchResponse(Index=1, Policies=_granted({**linked, **own}, ask.PolicyIDs))


@rpc("ACL.RoleResolve")
async def resolve_roles(srv: Server, ask: ACLRoleBatchGetRequest) -> ACLRoleBatchResponse:
    """Those of the asker's own roles. Raises PermissionDenied for a role that the token does not have."""
    require_acls(srv)
    token = _own_token(srv, ask.Token)
    own = {link.ID: role_with_id(srv.db, link.ID) for link in token.Roles or ()}
    return ACLRoleBatchResponse(Index=1, Roles=_granted(own, ask.RoleIDs))


def _own_token(srv: Server, secret: str) -> ACLToken:
    token = srv.acl.token(secret)
    if token is None:
        raise AclNotFound
    return token


def _granted(own: dict[str, Row | None] | dict[str, Row], wanted: list[str] | None) -> list[Row] | None:
    """Of the wanted ones those that are still there. Raises PermissionDenied for what is not the asker's."""
    found: list[Row] = []
    for one in wanted or ():
        if one not in own:
            raise PermissionDenied
        if (row := own[one]) is not None:
            found.append(row)
    return found or None


@rpc("ACL.ReplicationStatus")
async def replication_status(srv: Server, ask: DCSpecificRequest) -> ACLReplicationStatus:
    """All zeros: a single datacenter copies nothing."""
    del ask
    await srv.verify()
    return ACLReplicationStatus()
