"""Type ``aws-iam``: signed requests that are passed on to AWS and nowhere else."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pyconsul.acl.methods.aws_iam import AwsMethod, parse_arn
from pyconsul.acl.methods.protocol import MethodError
from tests.acl_methods.conftest import Issuer

STS = "https://sts.amazonaws.com/"
IAM = "https://iam.amazonaws.com/"
ROLE = "arn:aws:iam::123456789012:role/dev"
ASSUMED = "arn:aws:sts::123456789012:assumed-role/dev/session"
NOW = 1_800_000_000.0

Encode = Callable[[str], str]


def caller(arn: str = ASSUMED, user: str = "AROA1:session") -> bytes:
    """STS's answer."""
    return (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        f"<Arn>{arn}</Arn><UserId>{user}</UserId><Account>123456789012</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>"
    ).encode()


def role(role_id: str = "AROA1") -> bytes:
    """IAM's answer."""
    return (
        '<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role>'
        f"<Path>/eng/</Path><Arn>arn:aws:iam::123456789012:role/eng/dev</Arn><RoleId>{role_id}</RoleId>"
        "<Tags><member><Key>team</Key><Value>blue</Value></member></Tags>"
        "</Role></GetRoleResult></GetRoleResponse>"
    ).encode()


def signed(encode: Encode, **changes: Any) -> str:
    """A bearer token of one who signed what we expect, unless the changes say otherwise."""
    parts: dict[str, Any] = {
        "method": "POST",
        "url": STS,
        "body": "Action=GetCallerIdentity&Version=2011-06-15",
        "headers": {"Authorization": ["AWS4-HMAC-SHA256 SignedHeaders=host;x-amz-date, Signature=s"]},
    } | changes
    return json.dumps(
        {
            "iam_http_request_method": parts["method"],
            "iam_request_url": encode(parts["url"]),
            "iam_request_headers": encode(json.dumps(parts["headers"])),
            "iam_request_body": encode(parts["body"]),
        }
    )


def with_entity(body: str = "Action=GetRole&RoleName=dev", url: str = IAM) -> dict[str, list[str]]:
    """Headers that carry a signed IAM request."""
    return {
        "X-Consul-Iam-Getentity-Method": ["POST"],
        "X-Consul-Iam-Getentity-Url": [url],
        "X-Consul-Iam-Getentity-Headers": ["{}"],
        "X-Consul-Iam-Getentity-Body": [body],
    }


async def test_who_assumed_a_bound_role_logs_in(issuer: Issuer, encoded: Encode) -> None:
    """The request goes to STS as it was signed, and the session counts as its role."""
    issuer.says(STS, caller(), kind="text/xml")
    found = await AwsMethod({"BoundIAMPrincipalARNs": [ROLE]}, issuer.fetch).identity(signed(encoded), NOW)
    assert found.variables == {"entity_name": "dev", "entity_id": "AROA1", "account_id": "123456789012"}
    assert (issuer.asked[0].host, issuer.asked[0].method) == ("sts.amazonaws.com", "POST")


async def test_details_give_path_and_tags_and_wildcards(issuer: Issuer, encoded: Encode) -> None:
    """The full ARN has the path in it."""
    issuer.says(STS, caller(), kind="text/xml")
    issuer.says(IAM, role(), kind="text/xml")
    made = AwsMethod(
        {
            "BoundIAMPrincipalARNs": ["arn:aws:iam::123456789012:role/eng/*"],
            "EnableIAMEntityDetails": True,
            "IAMEntityTags": ["team", "none"],
        },
        issuer.fetch,
    )
    found = await made.identity(signed(encoded, headers=with_entity()), NOW)
    assert found.fields.entity_path == "/eng/"
    assert found.fields.entity_tags == {"team": "blue", "none": ""}


async def test_details_of_somebody_else_are_refused(issuer: Issuer, encoded: Encode) -> None:
    """Only STS says who signed: whoever may read IAM could show anybody's details."""
    issuer.says(STS, caller(), kind="text/xml")
    issuer.says(IAM, role("AROA2"), kind="text/xml")
    made = AwsMethod({"BoundIAMPrincipalARNs": [ROLE], "EnableIAMEntityDetails": True}, issuer.fetch)
    with pytest.raises(MethodError, match="unique id mismatch in login token"):
        await made.identity(signed(encoded, headers=with_entity()), NOW)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"method": "GET"}, "iam_http_request_method must be POST"),
        ({"url": "https://evil.test/"}, 'invalid STS hostname: "evil.test"'),
        ({"url": "https://sts.amazonaws.com.evil.test/"}, 'invalid STS hostname: "sts.amazonaws.com.evil.test"'),
        ({"url": "https://sts.amazonaws.com@evil.test/"}, 'invalid STS hostname: "evil.test"'),
        ({"url": "http://sts.amazonaws.com/"}, 'invalid STS hostname: "sts.amazonaws.com"'),
        ({"url": "nowhere"}, 'invalid token: url is invalid: "nowhere"'),
        ({"body": "Action=AssumeRole"}, "iam_request_body error: unexpected value Action=[AssumeRole]"),
        ({"body": "Action=GetCallerIdentity&X=1"}, 'iam_request_body error: unexpected field "X"'),
        ({"body": ""}, 'iam_request_body error: missing field "Action"'),
        ({"headers": {"X-Amz-Target": ["x"]}}, "invalid request header: X-Amz-Target"),
        ({"headers": {"A": ["x\r\nB: y"]}}, "invalid token: json: cannot unmarshal into Go value of type []string"),
    ],
)
async def test_we_are_nobody_s_proxy(changes: Any, text: str, issuer: Issuer, encoded: Encode) -> None:
    """Nothing is sent but the one question, to AWS, without tricks in its headers."""
    made = AwsMethod({"BoundIAMPrincipalARNs": [ROLE]}, issuer.fetch)
    with pytest.raises(MethodError) as caught:
        await made.identity(signed(encoded, **changes), NOW)
    assert (str(caught.value), issuer.asked) == (text, [])


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        (with_entity(url="https://evil.test/"), 'invalid IAM hostname: "evil.test"'),
        (with_entity(url=STS), 'invalid IAM hostname: "sts.amazonaws.com"'),
        (with_entity(url="https://iam.amazonaws.com@evil.test/"), 'invalid IAM hostname: "evil.test"'),
        (
            with_entity("Action=DeleteRole&RoleName=dev"),
            "iam_request_headers[X-Consul-IAM-GetEntity-Body] error: unexpected value Action=[DeleteRole]",
        ),
        (
            with_entity("Action=GetRole&UserName=dev"),
            'iam_request_headers["X-Consul-IAM-GetEntity-Body"] error: '
            'invalid request body "Action=GetRole&UserName=dev"',
        ),
        (
            with_entity("Action=GetUser&UserName=a&RoleName=b"),
            'iam_request_headers["X-Consul-IAM-GetEntity-Body"] error: '
            'invalid request body "Action=GetUser&UserName=a&RoleName=b"',
        ),
        ({**with_entity(), "X-Consul-Iam-Getentity-Url": []}, 'missing header "X-Consul-IAM-GetEntity-URL"'),
        (
            {**with_entity(), "X-Consul-Iam-Getentity-Url": [IAM, IAM]},
            'invalid value for header "X-Consul-IAM-GetEntity-URL" (expected 1 item)',
        ),
        (
            {**with_entity(), "X-Consul-Iam-Getentity-Headers": ["[]"]},
            "json: cannot unmarshal into Go value of type http.Header",
        ),
    ],
)
async def test_nor_are_we_anybody_s_proxy_to_iam(headers: Any, text: str, issuer: Issuer, encoded: Encode) -> None:
    """The second request that a token carries may ask IAM for one role or user, and nothing is sent before that."""
    made = AwsMethod({"BoundIAMPrincipalARNs": [ROLE], "EnableIAMEntityDetails": True}, issuer.fetch)
    with pytest.raises(MethodError) as caught:
        await made.identity(signed(encoded, headers=headers), NOW)
    assert (str(caught.value), issuer.asked) == (text, [])


@pytest.mark.parametrize(
    ("bearer", "text"),
    [
        ("", "unexpected end of JSON input"),
        ("eyJ.x.y", "invalid character 'e' looking for beginning of value"),
        ("{} x", "invalid character 'x' after top-level value"),
        ("{}", "unexpected end of JSON input"),
        ("[]", "json: cannot unmarshal array into Go value of type "),
        ('{"iam_request_url": 7}', "json: cannot unmarshal number into Go struct field .iam_request_url of type str"),
        ('{"iam_request_url": "%%"}', "illegal base64 data at input byte 0"),
    ],
)
async def test_what_is_no_signed_request_is_refused(bearer: str, text: str, issuer: Issuer) -> None:
    """In Go's words, before anything is sent."""
    made = AwsMethod({"BoundIAMPrincipalARNs": [ROLE]}, issuer.fetch)
    with pytest.raises(MethodError) as caught:
        await made.identity(bearer, NOW)
    assert str(caught.value).startswith(f"invalid token: {text}")
    assert issuer.asked == []


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, 'missing header "X-Consul-IAM-ServerID"'),
        ({"X-Consul-IAM-ServerID": ["other"]}, 'expected "us" but got "other"'),
        ({"X-Consul-IAM-ServerID": ["us"]}, "missing Authorization header"),
        ({"X-Consul-IAM-ServerID": ["us"], "Authorization": ["x"]}, "server id header wasn't signed"),
        ({"X-Consul-IAM-ServerID": ["us"], "Authorization": ["SignedHeaders=host"]}, "header wasn't signed"),
    ],
)
async def test_a_request_signed_for_another_server_is_refused(
    headers: Any, text: str, issuer: Issuer, encoded: Encode
) -> None:
    """A token that leaked from one Consul opens no other one."""
    made = AwsMethod({"BoundIAMPrincipalARNs": [ROLE], "ServerIDHeaderValue": "us"}, issuer.fetch)
    with pytest.raises(MethodError) as caught:
        await made.identity(signed(encoded, headers=headers), NOW)
    assert str(caught.value) == text


GAVE_UP = f"error making request: POST {STS} giving up after 1 attempt(s)"


@pytest.mark.parametrize(
    ("answer", "status", "kind", "text"),
    [
        (
            caller("arn:aws:iam::1:user/eve"),
            "200 OK",
            "text/xml",
            "IAM principal arn:aws:iam::1:user/eve is not trusted",
        ),
        (b"<x/>", "200 OK", "text/xml", "error parsing STS response"),
        (b"{", "200 OK", "text/xml", "error parsing STS response"),
        (caller(), "200 OK", "text/html", "response body is invalid"),
        (b"later", "429 Too Many Requests", "text/xml", GAVE_UP),
        (b"broken", "500 X", "text/xml", GAVE_UP),
        (b"never", "501 X", "text/xml", "received error code 501: never"),
        (b"denied", "403 Forbidden", "text/xml", "received error code 403: denied"),
    ],
)
async def test_what_sts_says_counts(
    answer: bytes, status: str, kind: str, text: str, issuer: Issuer, encoded: Encode
) -> None:
    """Others than the bound principals, and answers that are none, are refused."""
    issuer.says(STS, answer, status, kind)
    with pytest.raises(MethodError) as caught:
        await AwsMethod({"BoundIAMPrincipalARNs": [ROLE]}, issuer.fetch).identity(signed(encoded), NOW)
    assert str(caught.value) == text


async def test_sts_that_is_not_there_is_named(issuer: Issuer, encoded: Encode) -> None:
    """And how often it was asked."""
    made = AwsMethod({"BoundIAMPrincipalARNs": [ROLE], "MaxRetries": 2}, issuer.fetch)
    with pytest.raises(MethodError) as caught:
        await made.identity(signed(encoded), NOW)
    text = f'error making request: POST {STS} giving up after 3 attempt(s): Get "{STS}": dial tcp: connection refused'
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, "BoundIAMPrincipalARNs is required and must have at least 1 entry"),
        ({"BoundIAMPrincipalARNs": ["x"]}, 'Invalid principal ARN: "x"'),
        ({"BoundIAMPrincipalARNs": [ROLE + "*"]}, "Must set EnableIAMEntityDetails=true to use wildcards"),
        (
            {"BoundIAMPrincipalARNs": ["arn:*:iam::1:role/*"], "EnableIAMEntityDetails": True},
            "Only one wildcard is allowed at the end of the bound IAM principal ARN",
        ),
        ({"BoundIAMPrincipalARNs": [ROLE], "IAMEntityTags": ["a"]}, "Must set EnableIAMEntityDetails=true to use IAM"),
        ({"BoundIAMPrincipalARNs": [ROLE], "STSEndpoint": "x"}, 'STSEndpoint is invalid: url is invalid: "x"'),
    ],
)
def test_a_bad_configuration_is_refused(config: Any, text: str, issuer: Issuer) -> None:
    """When the auth method is written."""
    with pytest.raises(MethodError) as caught:
        AwsMethod(config, issuer.fetch)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("arn", "canonical"),
    [
        (ASSUMED, ROLE),
        ("arn:aws:iam::1:user/a/b/eve", "arn:aws:iam::1:user/eve"),
        ("arn:aws-cn:iam::1:role/x", "arn:aws-cn:iam::1:role/x"),
    ],
)
def test_an_arn_is_known_without_its_path(arn: str, canonical: str) -> None:
    """An assumed role by its role, whose path STS does not tell; so nobody has one."""
    assert parse_arn(arn).canonical() == canonical


@pytest.mark.parametrize(
    "arn",
    [
        "x",
        "a:b:c:d:e:f",
        "arn::iam::1:user/x",
        "arn:aws:s3::1:user/x",
        "arn:aws:iam:::user/x",
        "arn:aws:iam::1:user",
        "arn:aws:iam::1:user/",
        "arn:aws:iam::1:group/x",
        "arn:aws:sts::1:assumed-role/x",
    ],
)
def test_other_arns_are_refused(arn: str) -> None:
    """Groups, services and fragments log in nowhere."""
    with pytest.raises(MethodError):
        parse_arn(arn)
