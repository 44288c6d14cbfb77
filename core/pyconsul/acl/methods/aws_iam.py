"""Type ``aws-iam``: IAM users and roles, who prove themselves by requests that only they can sign."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from xml.etree import ElementTree

import msgspec

from pyconsul.acl.methods.aws_requests import SignedRequest, check_endpoint, entity_request, identity_request
from pyconsul.acl.methods.protocol import Fetch, Identity, MethodError
from pyconsul.acl.methods.settings import number, read_settings, text, texts, truth
from pyconsul.lang.strconv import quote

_KINDS: Final = {
    "BoundIAMPrincipalARNs": texts,
    "EnableIAMEntityDetails": truth,
    "IAMEntityTags": texts,
    "ServerIDHeaderValue": text,
    "MaxRetries": number,
    "IAMEndpoint": text,
    "STSEndpoint": text,
    "AllowedSTSHeaderValues": texts,
}
_NAMESPACE: Final = re.compile(r"\{[^}]*\}")


class AwsFields(msgspec.Struct, frozen=True):
    """What selectors see; path and tags only where details are asked for."""

    entity_name: str = ""
    entity_id: str = ""
    account_id: str = ""
    entity_path: str = ""
    entity_tags: dict[str, str] = {}


class Arn(msgspec.Struct, frozen=True):
    """The ARN of an IAM entity, taken apart; paths count only in what IAM itself says."""

    partition: str
    account: str
    kind: str
    name: str

    def canonical(self) -> str:
        """The ARN that bound principals are compared with: without path, which STS does not tell of assumed roles."""
        kind = "role" if self.kind == "assumed-role" else self.kind
        return f"arn:{self.partition}:iam::{self.account}:{kind}/{self.name}"


class Details(msgspec.Struct, frozen=True):
    """What IAM says of a user or role."""

    arn: str
    entity_id: str
    path: str
    tags: dict[str, str] = msgspec.field(default_factory=dict[str, str])


class AwsMethod:
    """One auth method of type aws-iam."""

    def __init__(self, config: Mapping[str, Any], fetch: Fetch) -> None:
        settings = read_settings(config, _KINDS)
        self._fetch = fetch
        self._bound: list[str] = settings.get("BoundIAMPrincipalARNs", [])
        self._asks_details: bool = settings.get("EnableIAMEntityDetails", False)
        self._tags: list[str] = settings.get("IAMEntityTags", [])
        self._server_id: str = settings.get("ServerIDHeaderValue", "")
        self._retries: int = max(settings.get("MaxRetries", 0), 0)
        self._iam: str = settings.get("IAMEndpoint", "")
        self._sts: str = settings.get("STSEndpoint", "")
        self._allowed_headers: list[str] = settings.get("AllowedSTSHeaderValues", [])
        self._check_settings()

    def _check_settings(self) -> None:
        if not self._bound:
            raise MethodError("BoundIAMPrincipalARNs is required and must have at least 1 entry")
        for arn in self._bound:
            self._check_bound(arn)
        if self._tags and not self._asks_details:
            raise MethodError("Must set EnableIAMEntityDetails=true to use IAMUserTags")
        for name, endpoint in (("STSEndpoint", self._sts), ("IAMEndpoint", self._iam)):
            if endpoint:
                check_endpoint(name, endpoint)

    def _check_bound(self, arn: str) -> None:
        if "*" in arn:
            if not self._asks_details:
                raise MethodError("Must set EnableIAMEntityDetails=true to use wildcards in BoundIAMPrincipalARNs")
            if arn.index("*") != len(arn) - 1:
                raise MethodError("Only one wildcard is allowed at the end of the bound IAM principal ARN")
        parts = arn.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or parts[2] not in ("iam", "sts"):
            raise MethodError(f"Invalid principal ARN: {quote(arn)}")

    def blank(self) -> Identity:
        """Every name, empty."""
        return self._identity(AwsFields(entity_tags=dict.fromkeys(self._tags, "")))

    def _identity(self, fields: AwsFields) -> Identity:
        variables = {name: getattr(fields, name) for name in ("entity_name", "entity_id", "account_id")}
        if self._asks_details:
            variables["entity_path"] = fields.entity_path
            variables |= {f"entity_tags.{tag}": value for tag, value in fields.entity_tags.items()}
        return Identity(fields, variables)

    async def check(self) -> None:
        """Nothing: AWS is asked at logins only."""

    async def identity(self, bearer: str, now: float) -> Identity:
        """The user or role that signed the requests in a bearer token."""
        del now
        asked = identity_request(bearer, self._sts, self._allowed_headers)
        entity = entity_request(asked, self._iam) if self._asks_details else None
        arn, user_id, account = await self._caller(asked)
        parsed = parse_arn(arn)
        fields = AwsFields(parsed.name, user_id, account)
        trusted = parsed.canonical()
        if entity is not None:
            details = await self._details(*entity)
            if details.entity_id != user_id:  # only STS says who signed; IAM's answer may be about anybody
                raise MethodError("unique id mismatch in login token")
            tags = {tag: details.tags.get(tag, "") for tag in self._tags}
            fields = msgspec.structs.replace(fields, entity_path=details.path, entity_tags=tags)
            trusted = details.arn
        self._require_trusted(trusted)
        return self._identity(fields)

    def _require_trusted(self, arn: str) -> None:
        wild = (bound for bound in self._bound if self._asks_details and bound.endswith("*"))
        if arn in self._bound or any(arn.startswith(bound[:-1]) for bound in wild):
            return
        raise MethodError(f"IAM principal {arn} is not trusted")

    async def _caller(self, asked: SignedRequest) -> tuple[str, str, str]:
        """ARN, unique ID and account of who signed, as STS says it."""
        root = _xml(await self._send(asked, self._sts), "GetCallerIdentity", "error parsing STS response")
        found = root.findall("GetCallerIdentityResult")
        if len(found) != 1:
            raise MethodError(f"received {len(found)} identities in STS response but expected 1")
        arn, user_id, account = (found[0].findtext(name, "") for name in ("Arn", "UserId", "Account"))
        return arn, user_id.split(":")[0], account

    async def _details(self, asked: SignedRequest, action: str) -> Details:
        kind = action.removeprefix("Get")
        root = _xml(await self._send(asked, self._iam), action, "error parsing IAM response")
        found = root.findall(f"{action}Result")
        if len(found) != 1:
            raise MethodError(
                f"error parsing IAM response: received {len(found)} identities in {action} response but expected 1"
            )
        entity = found[0].find(kind)
        if entity is None:
            raise MethodError(f"error parsing IAM response: no {kind} in it")
        members = entity.findall("Tags/member")
        tags = {member.findtext("Key", ""): member.findtext("Value", "") for member in members}
        arn, entity_id, path = (entity.findtext(name, "") for name in ("Arn", f"{kind}Id", "Path"))
        return Details(arn, entity_id, path, tags)

    async def _send(self, asked: SignedRequest, endpoint: str) -> bytes:
        if self._server_id:
            asked.require_server_id(self._server_id)
        ask = asked.to(endpoint, self._retries)
        fault = f"error making request: {ask.method} {ask.url} giving up after {self._retries + 1} attempt(s)"
        try:
            answer = await self._fetch(ask)
        except MethodError as error:
            raise MethodError(f"{fault}: {error}") from None
        if answer.is_temporary:
            raise MethodError(fault)
        if answer.content_type != "text/xml":
            raise MethodError("response body is invalid")
        if not answer.ok:
            shown = answer.body[:4096].decode("utf-8", "replace")
            raise MethodError(f"received error code {answer.status.split(' ')[0]}: {shown}")
        return answer.body


def _xml(body: bytes, action: str, fault: str) -> ElementTree.Element:
    """The root of an answer, its names without their namespace. Raises MethodError."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise MethodError(fault) from None
    for element in root.iter():
        element.tag = _NAMESPACE.sub("", element.tag)
    if root.tag != f"{action}Response":
        raise MethodError(fault)
    return root


def parse_arn(arn: str) -> Arn:
    """Take the ARN of a user or of a role, also of one who assumed it, apart. Raises MethodError."""
    parts = arn.split(":")
    if len(parts) != 6:
        raise MethodError(f"unrecognized arn: contains {len(parts)} colon-separated parts, expected 6")
    if parts[0] != "arn":
        raise MethodError('unrecognized arn: does not begin with "arn:"')
    if not parts[1]:
        raise MethodError(f"unrecognized arn: {quote(arn)} is missing the partition")
    if parts[2] not in ("iam", "sts"):
        raise MethodError(f"unrecognized service: {parts[2]}, not one of iam or sts")
    if not parts[4]:
        raise MethodError(f"unrecognized arn: {quote(arn)} is missing the account number")
    kind, name = _entity(parts[5])
    if not name:
        raise MethodError(f"unrecognized arn: {quote(arn)} is missing the resource name")
    return Arn(parts[1], parts[4], kind, name)


def _entity(resource: str) -> tuple[str, str]:
    """Kind and name in the last part of an ARN; an assumed role is called by its role."""
    kind, *rest = resource.split("/")
    if not rest:
        raise MethodError(f"unrecognized arn: {quote(resource)} contains fewer than 2 slash-separated parts")
    if kind == "assumed-role":
        if len(rest) < 2:
            raise MethodError(f"unrecognized arn: {quote(resource)} contains fewer than 3 slash-separated parts")
        return kind, rest[0]
    if kind not in ("user", "role"):
        raise MethodError(f"unrecognized principal type: {quote(kind)}")
    return kind, rest[-1]


def open_method(name: str, config: Mapping[str, Any], fetch: Fetch) -> AwsMethod:
    """The validator of one auth method. Raises MethodError."""
    del name
    return AwsMethod(config, fetch)
