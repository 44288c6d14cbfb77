"""Which names policies, roles and identities may have (``consul/acl``: validation)."""

from __future__ import annotations

import re
from typing import Final

IDENTITY_RULE: Final = "Only lowercase alphanumeric characters, '-' and '_' are allowed"
_IDENTITY_MAX: Final = 256  # bytes
_POLICY_MAX: Final = 128  # bytes
_IDENTITY: Final = re.compile(r"[a-z0-9]([a-z0-9\-_]*[a-z0-9])?")
_POLICY: Final = re.compile(r"[A-Za-z0-9\-_]+/?[A-Za-z0-9\-_]*")
_ROLE: Final = re.compile(r"[A-Za-z0-9\-_]{1,256}")
_AUTH_METHOD: Final = re.compile(r"[A-Za-z0-9\-_]{1,128}")


def is_identity_name(name: str) -> bool:
    """Whether a service or node identity may be for this name."""
    return len(name) <= _IDENTITY_MAX and _IDENTITY.fullmatch(name) is not None


def is_role_name(name: str) -> bool:
    """Whether a role may have this name."""
    return _ROLE.fullmatch(name) is not None


def is_auth_method_name(name: str) -> bool:
    """Whether an auth method may have this name."""
    return _AUTH_METHOD.fullmatch(name) is not None


def policy_name_fault(name: str) -> str:
    """Why a policy may not have this name, "" for a good one."""
    if not 0 < len(name.encode("utf-8", "surrogateescape")) <= _POLICY_MAX:
        return f"Length must be greater than 0 and less than {_POLICY_MAX}"
    if name.startswith(("/", "builtin/")):
        return "Names cannot be prefixed with '/' or 'builtin/'"
    if _POLICY.fullmatch(name) is None:
        return "Only alphanumeric characters, a single '/', '-' and '_' are allowed"
    return ""
