"""What the holder of one token may do: asked by endpoints, answered from merged rules and the default policy.

``allows(resource, access, segment)`` asks, ``require`` of the same shape raises PermissionDenied in Consul's words.
The questions that are about more than one segment have methods of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from pyconsul.acl.levels import Access, Decision, decide
from pyconsul.acl.merge import INTENTION, merge
from pyconsul.acl.rules import PolicyRules
from pyconsul.acl.segments import Segments
from pyconsul.structs.acl import ANONYMOUS_ACCESSOR
from pyconsul.structs.errors import PermissionDenied

READ: Final = Access.READ
WRITE: Final = Access.WRITE
_FALL_BACK: Final = {"mesh": "operator", "peering": "operator"}  # who is asked where a resource has no rule
_NO_SEGMENTS: Final = Segments({}, {})


class Base(Enum):
    """Who decides where no rule does. ``MANAGE`` allows everything, ``ALLOW`` all but ACLs and snapshots."""

    DENY = 0
    ALLOW = 1
    MANAGE = 2


class Authorizer:
    """The rights of one token. ``unrestricted`` ones refuse nothing, so that nobody need filter for them."""

    __slots__ = ("_base", "_plain", "_segments", "accessor_id", "unrestricted")

    def __init__(
        self,
        base: Base,
        segments: dict[str, Segments] | None = None,
        plain: dict[str, Access] | None = None,
        *,
        accessor_id: str = "",
    ) -> None:
        self.accessor_id = accessor_id
        self.unrestricted = base is Base.MANAGE and segments is None  # rules could refuse even a manager something
        self._base = base
        self._segments = segments or {}
        self._plain = plain or {}

    @classmethod
    def of_policies(cls, policies: Iterable[PolicyRules], base: Base, *, accessor_id: str = "") -> Authorizer:
        """The rights that several policies give together."""
        return cls(base, *merge(policies), accessor_id=accessor_id)

    @property
    def holder(self) -> str:
        """Who asks, as the log names them; never the secret."""
        return "anonymous token" if self.accessor_id == ANONYMOUS_ACCESSOR else self.accessor_id

    def for_accessor(self, accessor_id: str) -> Authorizer:
        """The same rights in the hands of another token."""
        return Authorizer(self._base, self._segments, self._plain, accessor_id=accessor_id)

    # One segment

    def allows(self, resource: str, access: Access, segment: str = "") -> bool:
        """Whether this access to one segment of a resource is granted; resources without segments take none."""
        return self.unrestricted or self._settle(self._decision(resource, access, segment), resource)

    def require(self, resource: str, access: Access, segment: str = "") -> None:
        """Raise PermissionDenied unless ``allows``."""
        if not self.allows(resource, access, segment):
            raise self.denied(resource, access, segment)

    def reads_node(self, name: str, peer: str = "") -> bool:
        """Whether a node may be seen. One imported from a peer: by who writes any service or reads all nodes."""
        if peer:
            return self._reads_imported("node")
        return self.allows("node", READ, name)

    def reads_service(self, name: str, peer: str = "") -> bool:
        """Whether a service may be seen. One imported from a peer: by who writes any service or reads all."""
        if peer:
            return self._reads_imported("service")
        return self.allows("service", READ, name)

    # More than one

    def writes_keys_below(self, prefix: str) -> bool:
        """Whether a whole tree of keys may be written: no rule below the prefix may refuse it."""
        return self._granted("key", self._of("key").below(prefix, WRITE))

    def require_keys_below(self, prefix: str) -> None:
        """Raise PermissionDenied unless ``writes_keys_below``."""
        if not self.writes_keys_below(prefix):
            raise self.denied("key", WRITE, prefix)

    def writes_any_service(self) -> bool:
        """Whether there is a service that may be written."""
        return self._granted("service", self._of("service").any(WRITE))

    def intention_default_allow(self) -> bool:
        """What the default policy says to a connection that no intention speaks of."""
        return self._base is not Base.DENY

    def denied(self, resource: str, access: Access, segment: str = "") -> PermissionDenied:
        """The refusal of a wish, naming the token, never its secret."""
        anonymous = self.accessor_id == ANONYMOUS_ACCESSOR
        who = "anonymous token" if anonymous else f"token with AccessorID '{self.accessor_id}'"
        where = f' on "{segment}"' if segment else ""
        why = ". The anonymous token is used implicitly when a request does not specify a token." if anonymous else ""
        return PermissionDenied(f"Permission denied: {who} lacks permission '{resource}:{access}'{where}{why}")

    def _decision(self, resource: str, access: Access, segment: str) -> Decision:
        if resource in self._plain:
            return decide(self._plain[resource], access)
        if resource in _FALL_BACK:
            return self._decision(_FALL_BACK[resource], access, "")
        # A wildcard stands for every service: to be seen by who may see any, to be written by who may write all.
        if resource == INTENTION and segment == "*":
            rules = self._of(INTENTION)
            return rules.any(access) if access is READ else rules.all(access)
        return self._of(resource).decide(segment, access)

    def _of(self, resource: str) -> Segments:
        return self._segments.get(resource, _NO_SEGMENTS)

    def _granted(self, resource: str, decision: Decision) -> bool:
        return self.unrestricted or self._settle(decision, resource)

    def _reads_imported(self, resource: str) -> bool:
        # A default policy that allows makes nobody a writer here: rules that hide any of the resource go before it.
        return self._of("service").any(WRITE) is Decision.ALLOW or self._granted(resource, self._of(resource).all(READ))

    def _settle(self, decision: Decision, resource: str) -> bool:
        """Leave what no rule decides to the default policy. It never grants ACLs, nor snapshots, which need them."""
        if decision is not Decision.DEFAULT:
            return decision is Decision.ALLOW
        return self._base is Base.MANAGE or (self._base is Base.ALLOW and resource != "acl")


def manage_all(accessor_id: str = "") -> Authorizer:
    """Everything: while ACLs are off."""
    return Authorizer(Base.MANAGE, accessor_id=accessor_id)


def allow_all(accessor_id: str = "") -> Authorizer:
    """Everything but ACLs and snapshots."""
    return Authorizer(Base.ALLOW, accessor_id=accessor_id)


def deny_all(accessor_id: str = "") -> Authorizer:
    """Nothing."""
    return Authorizer(Base.DENY, accessor_id=accessor_id)
