"""From a token's secret to what it may do: policies, roles and identities of the store, and tokens that only we know.

One resolver a server. Its answers hold until an ACL table changes; what they were made from is watched by whoever
gives a watch set, so that kept replies and blocking queries see a revoked token at once.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

from pyconsul.acl import Authorizer, Base, PolicyRules, RulesError, manage_all, parse_rules
from pyconsul.acl.templated import policies_of_identities
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.blocking import REPLY_WATCH
from pyconsul.server.state.acl import acl_index, policy_with_id, role_with_id, token_with_secret
from pyconsul.server.state.acl_tokens import can_bootstrap
from pyconsul.server.state.system_metadata import metadata_value
from pyconsul.structs.acl import ANONYMOUS_ACCESSOR, ANONYMOUS_SECRET, ACLPolicy, ACLRole, ACLToken, expiration_of
from pyconsul.structs.errors import AclNotFound, InternalError
from pyconsul.structs.system_metadata import SERVER_MANAGEMENT_TOKEN
from pyconsul.structs.wire import Indexed, changed
from pyconsul.telemetry import metrics
from pyconsul.telemetry.logging import logger

R = TypeVar("R", bound=Indexed)

log = logger("agent.acl")

_BYTES: Final = ("utf-8", "surrogateescape")
_NOT_BOOTSTRAPPED: Final = "ACL system must be bootstrapped before making any requests that require authorization"
_ELSEWHERE: Final = (
    "ACL token used lacks permissions in this datacenter: its associated ACL policies, service identities, "
    "and/or node identities are scoped to other datacenters"
)
_BASES: Final = {"allow": Base.ALLOW, "deny": Base.DENY}
ROOTS: Final = frozenset(("allow", "deny", "manage"))  # names of Consul's own authorizers, never tokens
_MOST_PARSED: Final = 1024  # policies; beyond that all are parsed anew, old versions of changed ones never go otherwise
_RESOLVED: Final = metrics.timing("acl.ResolveToken")


class AclSettings(msgspec.Struct, frozen=True):
    """The ``acl`` stanza as the server needs it."""

    enabled: bool = False
    default_policy: str = "allow"
    down_policy: str = "extend-cache"
    primary_datacenter: str = ""
    initial_management: str = ""
    key_list_policy: bool = False  # lists of keys need the ``list`` right on their prefix


class _Known(msgspec.Struct):
    """Everything resolved from one state of the ACL tables: of this store, which a restore swaps, at this index.

    Only secrets that stand for somebody are kept, so that guesses cost no memory.
    """

    db: Store | None = None
    index: int = -1
    by_secret: dict[str, tuple[Authorizer, datetime | None]] = msgspec.field(
        default_factory=dict[str, tuple[Authorizer, datetime | None]]
    )


class Resolver:
    """``local`` finds tokens that stand in no table: those of the agent's own configuration."""

    def __init__(self, settings: AclSettings, datacenter: str, db: Callable[[], Store]) -> None:
        self.settings = settings
        self.enabled = settings.enabled
        self.local: Callable[[str], Authorizer | None] = lambda secret: None
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._datacenter = datacenter
        self._db = db
        self._off = manage_all()
        self._known = _Known()
        self._parsed: dict[str, PolicyRules] = {}  # by their text, not by the policy's hash: two may share one

    @property
    def base(self) -> Base:
        """Who decides where no rule does."""
        return _BASES[self.settings.default_policy]

    def authorizer(self, secret: str, ws: WatchSet | None = None) -> Authorizer:
        """The rights of whoever holds this secret; "" is the anonymous token. With ACLs off everything is allowed.

        ``ws`` fires when the answer may be another. Raises AclNotFound for an unknown or expired token, InternalError
        for one that names one of Consul's own authorizers.
        """
        if not self.enabled:
            return self._off
        if secret in ROOTS:
            raise InternalError("Cannot resolve root ACL")
        secret = secret or ANONYMOUS_SECRET
        if (found := self.local(secret)) is not None:
            return found
        began = time.perf_counter()
        try:
            authorizer, expires = self._resolved(secret, ws)
        finally:
            _RESOLVED.add((time.perf_counter() - began) * 1000)
        if expires is not None:
            if expires < self.now():
                raise self._not_found(self._db())
            _never_keep()
        return authorizer

    def version(self, secret: str) -> int:
        """A number that changes with what tokens may do, for whoever keeps answers. Raises as ``authorizer`` does."""
        self.authorizer(secret)
        return acl_index(self._db()) if self.enabled else 0

    def token(self, secret: str, ws: WatchSet | None = None) -> ACLToken | None:
        """The token with this secret unless it expired; None for those of the agent's configuration too."""
        token = token_with_secret(self._db(), secret or ANONYMOUS_SECRET, ws)
        return None if token is None or self.has_expired(token) else token

    def has_expired(self, token: ACLToken) -> bool:
        """Whether its time is over; it may not be reaped yet. A reply that rests on this is kept for nobody."""
        expires = expiration_of(token)
        if expires is None:
            return False
        _never_keep()
        return expires < self.now()

    def policies_of(self, token: ACLToken | ACLRole) -> list[ACLPolicy]:
        """What a token or role grants in this datacenter: its policies, its identities, and those of its roles."""
        return [policy for policy in self._policies(token) if self._holds_here(policy)]

    def _resolved(self, secret: str, ws: WatchSet | None) -> tuple[Authorizer, datetime | None]:
        db = self._db()
        index = acl_index(db, ws)
        known = self._known
        if known.db is not db or known.index != index:
            known = self._known = _Known(db, index)
        found = known.by_secret.get(secret)
        if found is None:
            found = known.by_secret[secret] = self._resolve(db, secret)
        return found

    def _resolve(self, db: Store, secret: str) -> tuple[Authorizer, datetime | None]:
        token = token_with_secret(db, secret)
        if token is None:
            return self._without_token(db, secret), None
        policies = self.policies_of(token)
        if not policies and next(iter(self._policies(token)), None) is not None:
            log.warn(_ELSEWHERE, accessor_id=token.AccessorID, datacenter=self._datacenter)
        rules = [self._rules(policy) for policy in policies]
        return Authorizer.of_policies(rules, self.base, accessor_id=token.AccessorID), expiration_of(token)

    def _without_token(self, db: Store, secret: str) -> Authorizer:
        """The rights of a secret that belongs to no token: a server's own, or nobody's. Raises AclNotFound."""
        # In constant time: this secret opens everything, and unlike those of tokens it is compared, not looked up.
        if hmac.compare_digest(secret.encode(*_BYTES), metadata_value(db, SERVER_MANAGEMENT_TOKEN).encode(*_BYTES)):
            return manage_all(SERVER_MANAGEMENT_TOKEN)
        if secret == ANONYMOUS_SECRET:  # asked before the leader wrote it
            return Authorizer(self.base, accessor_id=ANONYMOUS_ACCESSOR)
        raise self._not_found(db)

    def _not_found(self, db: Store) -> AclNotFound:
        """What an unknown or expired token is told: before the bootstrap, that there must be one."""
        if can_bootstrap(db):
            return AclNotFound(f"{_NOT_BOOTSTRAPPED}: {AclNotFound.default_text}")
        return AclNotFound()

    def _policies(self, row: ACLToken | ACLRole) -> Iterable[ACLPolicy]:
        db = self._db()
        found: dict[str, ACLPolicy] = {}
        for one in (row, *self._roles(db, row)):
            for policy in (*self._linked(db, one), *policies_of_identities(one)):
                found.setdefault(policy.ID, policy)
        return found.values()

    def _roles(self, db: Store, row: ACLToken | ACLRole) -> Iterable[ACLRole]:
        links = (row.Roles or ()) if isinstance(row, ACLToken) else ()
        found = (role_with_id(db, link.ID) for link in links)
        return (role for role in found if role is not None)

    def _linked(self, db: Store, row: ACLToken | ACLRole) -> Iterable[ACLPolicy]:
        found = (policy_with_id(db, link.ID) for link in row.Policies or ())
        return (policy for policy in found if policy is not None)

    def _holds_here(self, policy: ACLPolicy) -> bool:
        return not policy.Datacenters or self._datacenter in policy.Datacenters

    def _rules(self, policy: ACLPolicy) -> PolicyRules:
        """The parsed rules; they are kept, for tokens are many and policies few."""
        found = self._parsed.get(policy.Rules)
        if found is None:
            try:
                found = parse_rules(policy.Rules, refuse_duplicates=False)
            except RulesError as error:
                raise InternalError(
                    f'failed to parse the ACL policies: failed to parse "{policy.Name}": {error}'
                ) from None
            self.keep_rules(policy.Rules, found)
        return found

    def keep_rules(self, text: str, rules: PolicyRules) -> None:
        """Remember rules that were read elsewhere."""
        if len(self._parsed) >= _MOST_PARSED:
            self._parsed.clear()
        self._parsed[text] = rules


def told_nobody(reply: R) -> R:
    """The reply without the hint that something was left out, which a request without a token does not get."""
    return changed(reply, ResultsFilteredByACLs=False)


def _never_keep() -> None:
    """Time alone will make this reply wrong, which no watch set would tell."""
    if (ws := REPLY_WATCH.get()) is not None:
        ws.fire()
