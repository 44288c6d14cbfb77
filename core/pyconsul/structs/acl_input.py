"""Tokens, policies and roles as clients write them: JSON with Go's rules and Go's error texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from pyconsul.structs import godecode
from pyconsul.structs.acl import (
    ACLAuthorizationRequest,
    ACLPolicy,
    ACLRole,
    ACLTemplatedPolicyVariables,
    ACLToken,
)
from pyconsul.structs.acl_auth import ACLAuthMethod, ACLBindingRule, ACLLoginParams
from pyconsul.structs.gotime import canonical
from pyconsul.structs.lenient import DecodeError, ListOf, Shape, Type, from_json
from pyconsul.structs.scalar_kinds import (
    BOOL,
    DURATION,
    OPAQUE,
    STRING,
    STRING_MAP,
    STRINGS,
    UINT64,
    Refusal,
    json_only,
    mismatch,
    named_string,
)

T = TypeVar("T", bound=msgspec.Struct)


def token_from(body: bytes) -> ACLToken:
    """Raises ValueError with the text that stands behind ``Token decoding failed: ``."""
    return _decoded(_TOKEN, body, ACLToken)


def policy_from(body: bytes) -> ACLPolicy:
    """Raises ValueError with the text that stands behind ``Policy decoding failed: ``."""
    return _decoded(_POLICY, body, ACLPolicy)


def role_from(body: bytes) -> ACLRole:
    """Raises ValueError with the text that stands behind ``Role decoding failed: ``."""
    return _decoded(_ROLE, body, ACLRole)


def auth_method_from(body: bytes) -> ACLAuthMethod:
    """Raises ValueError with the text that stands behind ``AuthMethod decoding failed: ``."""
    return _decoded(_AUTH_METHOD, body, ACLAuthMethod)


def binding_rule_from(body: bytes) -> ACLBindingRule:
    """Raises ValueError with the text that stands behind ``BindingRule decoding failed: ``."""
    return _decoded(_BINDING_RULE, body, ACLBindingRule)


def login_from(body: bytes) -> ACLLoginParams | None:
    """What a login brings; None for a null. Raises ValueError."""
    value = godecode.parse(body)
    try:
        return None if value is None else msgspec.convert(from_json(_LOGIN, value), ACLLoginParams)
    except ValueError as error:
        raise DecodeError(godecode.enterprise_hint(str(error))) from error


def variables_from(body: bytes) -> ACLTemplatedPolicyVariables:
    """The variables of a templated policy. Raises ValueError."""
    return _convert(_VARIABLES, godecode.parse(body), ACLTemplatedPolicyVariables)


def question_from(value: Any) -> ACLAuthorizationRequest:
    """One question about what a token may do, from parsed JSON. Raises ValueError."""
    return _convert(_QUESTION, value, ACLAuthorizationRequest)


def _without_zeros(shape: Shape, value: Mapping[str, Any]) -> dict[str, Any]:
    """Fields without zero values, as Go prints them again; empty lists and objects stay.

    What a field of free form holds stays as it is.
    """
    return {name: _field_without_zeros(shape.fields[name], item) for name, item in value.items() if _stays(item)}


def _stays(item: object) -> bool:
    return bool(item) or isinstance(item, list | dict)


def _field_without_zeros(kind: Type, value: Any) -> Any:
    if isinstance(kind, ListOf):
        return [_without_zeros(kind.shape, item) for item in value]
    return _without_zeros(kind, value) if isinstance(kind, Shape) else value


def _convert(shape: Shape, value: Any, kind: type[T]) -> T:
    return msgspec.convert(_without_zeros(shape, from_json(shape, value)), kind)


def _decoded(shape: Shape, body: bytes, kind: type[T]) -> T:
    try:
        return _convert(shape, godecode.parse(body), kind)
    except ValueError as error:
        raise DecodeError(godecode.enterprise_hint(str(error))) from error


def _time(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise Refusal("Time.UnmarshalJSON: input is not a JSON string")
    return canonical(value)


def _hash(value: Any, path: str) -> bytes:
    """Taken as text and never used: the hash is made anew with every write."""
    if not isinstance(value, str):
        # Go's reader has a Hash of its own, outside of the alias that holds the other fields.
        raise mismatch(value, path.replace("Alias.", ""), "string")
    return value.encode("utf-8", "surrogateescape")


_TIME: Final = json_only("time.Time", _time)
_HASH: Final = json_only("string", _hash)
_TTL: Final = json_only("interface {}", DURATION.json)
_INDEXES: Final = {"CreateIndex": UINT64, "ModifyIndex": UINT64}
_EMBEDDED: Final = dict.fromkeys(_INDEXES, "RaftIndex")


def _links(name: str) -> ListOf:
    return ListOf(Shape(name, {"ID": STRING, "Name": STRING}), plain=True)


_QUESTION: Final = Shape(
    "ACLAuthorizationRequest",
    {"Resource": named_string("acl.Resource"), "Segment": STRING, "Access": STRING},
)
_VARIABLES: Final = Shape("ACLTemplatedPolicyVariables", {"name": STRING})
_SERVICES: Final = ListOf(
    Shape("ACLServiceIdentity", {"ServiceName": STRING, "Datacenters": STRINGS}),
    go="structs.ACLServiceIdentities",
    plain=True,
)
_NODES: Final = ListOf(
    Shape("ACLNodeIdentity", {"NodeName": STRING, "Datacenter": STRING}), go="structs.ACLNodeIdentities", plain=True
)
_TEMPLATED: Final = ListOf(
    Shape(
        "ACLTemplatedPolicy",
        {"TemplateID": STRING, "TemplateName": STRING, "TemplateVariables": _VARIABLES, "Datacenters": STRINGS},
    ),
    go="structs.ACLTemplatedPolicies",
    plain=True,
)
_GIVEN: Final = {"ServiceIdentities": _SERVICES, "NodeIdentities": _NODES, "TemplatedPolicies": _TEMPLATED}
_TOKEN: Final = Shape(
    "ACLToken",
    {
        "AccessorID": STRING,
        "SecretID": STRING,
        "Description": STRING,
        "Policies": _links("ACLTokenPolicyLink"),
        "Roles": _links("ACLTokenRoleLink"),
        **_GIVEN,
        "Local": BOOL,
        "AuthMethod": STRING,
        "ExpirationTime": _TIME,
        "ExpirationTTL": _TTL,
        "CreateTime": _TIME,
        "Hash": _HASH,
        **_INDEXES,
    },
    embedded=_EMBEDDED,
    wrapped=True,
    go="struct { ExpirationTTL interface {}; Hash string; *structs.Alias }",
)
_WITH_HASH: Final = "struct { Hash string; *structs.Alias }"
_POLICY: Final = Shape(
    "ACLPolicy",
    {
        "ID": STRING,
        "Name": STRING,
        "Description": STRING,
        "Rules": STRING,
        "Datacenters": STRINGS,
        "Hash": _HASH,
        **_INDEXES,
    },
    embedded=_EMBEDDED,
    wrapped=True,
    go=_WITH_HASH,
)
_ROLE: Final = Shape(
    "ACLRole",
    {
        "ID": STRING,
        "Name": STRING,
        "Description": STRING,
        "Policies": _links("ACLRolePolicyLink"),
        **_GIVEN,
        "Hash": _HASH,
        **_INDEXES,
    },
    embedded=_EMBEDDED,
    wrapped=True,
    go=_WITH_HASH,
)
_AUTH_METHOD: Final = Shape(
    "ACLAuthMethod",
    {
        "Name": STRING,
        "Type": STRING,
        "DisplayName": STRING,
        "Description": STRING,
        "MaxTokenTTL": _TTL,
        "TokenLocality": STRING,
        "Config": OPAQUE,
        **_INDEXES,
    },
    embedded=_EMBEDDED,
    wrapped=True,
    go="struct { MaxTokenTTL interface {}; *structs.Alias }",
)
_BINDING_RULE: Final = Shape(
    "ACLBindingRule",
    {
        "ID": STRING,
        "Description": STRING,
        "AuthMethod": STRING,
        "Selector": STRING,
        "BindType": STRING,
        "BindName": STRING,
        "BindVars": _VARIABLES,
        **_INDEXES,
    },
    embedded=_EMBEDDED,
)
_LOGIN: Final = Shape("ACLLoginParams", {"AuthMethod": STRING, "BearerToken": STRING, "Meta": STRING_MAP})
