"""Questions by name, as ``/v1/internal/acl/authorize`` takes them: resource, segment, access."""

from __future__ import annotations

from typing import Final

from pyconsul.acl.authorizer import Authorizer
from pyconsul.acl.levels import Access
from pyconsul.acl.rules import KINDS, PLAIN
from pyconsul.lang.strconv import quote

WRITE_PREFIX: Final = "write-prefix"  # of keys: everything below one
_READ_WRITE: Final = ("read", "write")
_ACCESS: Final = {
    **dict.fromkeys((*(kind.resource for kind in KINDS), *PLAIN, "intention"), _READ_WRITE),
    "key": ("read", "list", "write", WRITE_PREFIX),
}


def answer(authorizer: Authorizer, resource: str, segment: str, access: str) -> bool:
    """Whether it is allowed. Raises ValueError with Consul's text for a resource or an access that does not exist."""
    known = _ACCESS.get(resource)
    if known is None:
        raise ValueError(f"Invalid ACL resource requested: {quote(resource)}")
    wanted = access.lower()
    if wanted not in known:
        raise ValueError(f"Invalid access level for {resource} resource: {access}")
    if wanted == WRITE_PREFIX:
        return authorizer.writes_keys_below(segment)
    return authorizer.allows(resource, Access(wanted), "" if resource in PLAIN else segment)
