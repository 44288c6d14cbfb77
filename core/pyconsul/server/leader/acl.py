"""What a leader does for ACLs: it writes what must be there from the start, and drops tokens whose time is over."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pyconsul.acl.hashing import hash_of_policy, hash_of_token
from pyconsul.acl.templated import BUILTIN_POLICIES, MANAGEMENT_ID, READ_ONLY_ID
from pyconsul.memdb import Store, WatchSet
from pyconsul.primitives.ids import uuid_fault
from pyconsul.server.leader.announced_routine import AnnouncedRoutine
from pyconsul.server.leader.system_metadata import remember
from pyconsul.server.state.acl import GLOBAL, LOCAL, policy_with_id, token_with_accessor, token_with_secret
from pyconsul.server.state.acl_tokens import can_bootstrap, expired_tokens, next_expiration
from pyconsul.structs.acl import (
    ANONYMOUS_ACCESSOR,
    ANONYMOUS_SECRET,
    RESERVED_PREFIX,
    ACLLink,
    ACLPolicy,
    ACLPolicyBatchSetRequest,
    ACLToken,
    ACLTokenBatchDeleteRequest,
    ACLTokenBatchSetRequest,
    ACLTokenBootstrapRequest,
)
from pyconsul.structs.errors import ConsulError, InternalError
from pyconsul.structs.gotime import text_of_nanoseconds
from pyconsul.structs.messages import MessageType
from pyconsul.structs.system_metadata import SERVER_MANAGEMENT_TOKEN
from pyconsul.structs.wire import changed
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server")

REAP_INTERVAL: Final = 1.0  # seconds between two reapings at least
REAP_BATCH: Final = 512  # tokens in one log entry; Consul's 4,096 hold the loop for 32 ms


async def initialize_acls(server: Server) -> None:
    """Write the builtin policies, the configured management token, the anonymous token and the servers' own secret."""
    log.info("initializing acls")
    for policy_id in (READ_ONLY_ID, MANAGEMENT_ID):
        await _write_builtin(server, BUILTIN_POLICIES[policy_id])
    if secret := server.config.acl.initial_management:
        await _write_management_token(server, secret)
    await _write_anonymous_token(server)
    # Another one with each leader, so that what an old snapshot tells opens nothing any more.
    await remember(server, SERVER_MANAGEMENT_TOKEN, str(uuid.uuid4()))


async def _write_builtin(server: Server, builtin: ACLPolicy) -> None:
    """Bring a builtin policy to the rules of this version; its name and description may be somebody's own."""
    known = policy_with_id(server.db, builtin.ID)
    if known is not None and known.Rules == builtin.Rules:
        return
    policy = builtin if known is None else changed(builtin, Name=known.Name, Description=known.Description)
    policy = changed(policy, Hash=hash_of_policy(policy))
    try:
        await server.propose(MessageType.ACL_POLICY_SET, ACLPolicyBatchSetRequest(Policies=[policy]))
    except InternalError as error:
        # Somebody's policy has its name. Consul gives up its leadership over this; a single server would never come up.
        log.error(f"failed to create {policy.Name} policy", error=error.text)
    else:
        log.info(f"Created ACL '{policy.Name}' policy")


async def _write_management_token(server: Server, secret: str) -> None:
    """Make a token for the configured secret, as the bootstrap of the cluster where there was none yet."""
    if uuid_fault(secret):
        log.warn("Configuring a non-UUID management token is deprecated")
    if token_with_secret(server.db, secret) is not None:
        return
    name = "Initial Management Token"
    token = management_token(unused_token_id(server.db), secret, name)
    if can_bootstrap(server.db):
        await server.propose(MessageType.ACL_BOOTSTRAP, ACLTokenBootstrapRequest(Token=token))
        log.info("Bootstrapped ACL token from configuration", description=name)
    else:
        await server.propose(MessageType.ACL_TOKEN_SET, ACLTokenBatchSetRequest(Tokens=[token]))
        log.info("Created ACL token from configuration", description=name)


async def _write_anonymous_token(server: Server) -> None:
    if token_with_secret(server.db, ANONYMOUS_SECRET) is not None:
        return
    token = ACLToken(
        AccessorID=ANONYMOUS_ACCESSOR,
        SecretID=ANONYMOUS_SECRET,
        Description="Anonymous Token",
        CreateTime=text_of_nanoseconds(time.time_ns()),
    )
    token = changed(token, Hash=hash_of_token(token))
    await server.propose(MessageType.ACL_TOKEN_SET, ACLTokenBatchSetRequest(Tokens=[token]))
    log.info("Created ACL anonymous token from configuration")


def management_token(accessor: str, secret: str, description: str) -> ACLToken:
    """A token that may do everything."""
    token = ACLToken(
        AccessorID=accessor,
        SecretID=secret,
        Description=description,
        Policies=[ACLLink(ID=MANAGEMENT_ID)],
        CreateTime=text_of_nanoseconds(time.time_ns()),
    )
    return changed(token, Hash=hash_of_token(token))


def unused_token_id(db: Store) -> str:
    """A new ID that is no token's accessor or secret."""
    while True:
        new = str(uuid.uuid4())
        if not is_token_id_taken(db, new) and not new.startswith(RESERVED_PREFIX):
            return new


def is_token_id_taken(db: Store, token_id: str) -> bool:
    """Whether it is some token's accessor or secret; one whose time is over counts until it is reaped."""
    return token_with_accessor(db, token_id) is not None or token_with_secret(db, token_id) is not None


class TokenReaper:
    """Drops tokens once their time is over, at most once a second; sleeps until the next one's end, or a change."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.routine: Final = AnnouncedRoutine("acl token reaping", self._run, log)

    async def _run(self) -> None:
        while True:
            changed_again = asyncio.Event()
            with WatchSet(changed_again.set) as ws:
                await _wait_for(changed_again, self._seconds_to_next(ws))
            # After a change as well: where somebody logs in all the time, no pause between two changes is long enough.
            await self.reap()
            await asyncio.sleep(REAP_INTERVAL)

    def _seconds_to_next(self, ws: WatchSet) -> float | None:
        """How long to sleep; None where no token ends at all."""
        ends = [next_expiration(self._server.db, place, ws) for place in (LOCAL, GLOBAL)]
        soonest = min((end for end in ends if end is not None), default=None)
        return None if soonest is None else (soonest - self._server.acl.now()).total_seconds()

    async def reap(self) -> int:
        """Drop all ended tokens; returns how many."""
        return sum([await self._reap(place) for place in (LOCAL, GLOBAL)])

    async def _reap(self, place: str) -> int:
        reaped = 0
        while ended := expired_tokens(self._server.db, place, self._server.acl.now(), REAP_BATCH):
            log.info("deleting expired ACL tokens", amount=len(ended), locality=place)
            request = ACLTokenBatchDeleteRequest(TokenIDs=[token.AccessorID for token in ended])
            try:
                await self._server.propose(MessageType.ACL_TOKEN_DELETE, request)
            except ConsulError as error:
                why = f"Failed to apply token expiration deletions: {error.text}"
                log.error(f"error reaping expired {place} ACL tokens", error=why)
                break
            reaped += len(ended)
            await asyncio.sleep(0)  # a voter in memory has answered at once
        return reaped


async def _wait_for(event: asyncio.Event, seconds: float | None) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
