"""Type ``jwt``: whose tokens are believed, for how long, and what of them is taken over."""

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.acl.binding import Binder
from pyconsul.acl.methods import jws
from pyconsul.acl.methods.jwt_method import JwtMethod
from pyconsul.acl.methods.protocol import MethodError
from pyconsul.structs.acl_auth import ACLBindingRule
from tests.acl_methods.conftest import Issuer, Signer

NOW = 1_800_000_000.0
ISSUER = "https://issuer.test"


def method(issuer: Issuer, signer: Signer, **config: Any) -> JwtMethod:
    """An auth method with this key and these settings."""
    return JwtMethod({"JWTValidationPubKeys": [signer.pem]} | config, issuer.fetch)


async def refusal(made: JwtMethod, bearer: str) -> str:
    """Why a token is refused."""
    with pytest.raises(MethodError) as caught:
        await made.identity(bearer, NOW)
    return str(caught.value)


async def test_mapped_claims_become_fields_and_variables(issuer: Issuer, signer: Signer) -> None:
    """By name or by JSON pointer; numbers and truths as text; what is not there is no field, and an empty variable."""
    made = method(
        issuer,
        signer,
        ClaimMappings={"team": "team", "/nested/zone": "zone", "age": "age", "on": "on", "none": "none"},
        ListClaimMappings={"groups": "groups", "one": "one"},
    )
    bearer = signer.token(team="blue", nested={"zone": "z1"}, age=41.9, on=True, groups=["dev", "", 7], one="x")
    found = await made.identity(bearer, NOW)
    assert found.fields.values == {"team": "blue", "zone": "z1", "age": "41", "on": "true"}
    assert found.fields.lists == {"groups": ["dev", "7"], "one": ["x"]}
    assert (found.variables["value.zone"], found.variables["value.none"]) == ("z1", "")


@pytest.mark.parametrize(
    ("selector", "without", "empty"),
    [
        ('value.team == ""', False, True),
        ('value.team != ""', True, False),
        ('value.team != "red"', True, True),
        ('value.team matches "^blue$"', True, False),
        ('value.team not matches "^$"', True, False),
        ('"dev" in list.groups', False, False),
        ('"dev" not in list.groups', True, True),
    ],
)
async def test_a_claim_that_is_not_there_equals_nothing(
    selector: str, without: bool, empty: bool, issuer: Issuer, signer: Signer
) -> None:
    """Not even the empty text; and it fits every pattern, as Consul's selectors have it."""
    made = method(issuer, signer, ClaimMappings={"team": "team"}, ListClaimMappings={"groups": "groups"})
    rule = ACLBindingRule(BindType="service", BindName="web", Selector=selector)
    bound: list[bool] = []
    absent_or_empty: list[dict[str, Any]] = [{}, {"team": "", "groups": []}]
    for claims in absent_or_empty:
        identity = await made.identity(signer.token(**claims), NOW)
        bound.append(bool(Binder("dc1", lambda name: None, lambda name: None).bind([rule], identity)))
    assert bound == [without, empty]


@pytest.mark.parametrize(
    ("claims", "settings", "text"),
    [
        ({"exp": int(NOW) - 61}, {}, "validation failed, token is expired (exp)"),
        ({"nbf": int(NOW) + 61}, {}, "validation failed, token not valid yet (nbf)"),
        ({"iat": int(NOW) + 61}, {}, "validation field, token issued in the future (iat)"),
        ({"exp": int(NOW) - 1}, {"ClockSkewLeeway": -1}, "validation failed, token is expired (exp)"),
        ({"exp": None, "iat": int(NOW) - 300, "nbf": None}, {}, "validation failed, token is expired (exp)"),
        ({"iss": "https://evil.test"}, {"BoundIssuer": ISSUER}, "validation failed, invalid issuer claim (iss)"),
    ],
)
async def test_a_token_out_of_its_time_or_place_is_refused(
    claims: Any, settings: Any, text: str, issuer: Issuer, signer: Signer
) -> None:
    """In go-jose's words; a minute of skew is forgiven unless the leeway is negative."""
    why = await refusal(method(issuer, signer, **settings), signer.token(**claims))
    assert why == f"error validating claims: go-jose/go-jose/jwt: {text}"


@pytest.mark.parametrize("claims", [{"exp": int(NOW) - 59}, {"nbf": int(NOW) + 59}, {"exp": None, "nbf": None}])
async def test_a_little_skew_is_forgiven(claims: Any, issuer: Issuer, signer: Signer) -> None:
    """Clocks differ."""
    await method(issuer, signer).identity(signer.token(**claims), NOW)


@pytest.mark.parametrize("claims", [{"exp": "soon"}, {"nbf": True}, {"jti": 1}, {"aud": [1]}, {"aud": {}}])
async def test_claims_of_other_types_fit_no_key(claims: Any, issuer: Issuer, signer: Signer) -> None:
    """They are read together with the signature, so there is just one sentence for both."""
    why = await refusal(method(issuer, signer), signer.token(**claims))
    assert why == "no known key successfully validated the token signature"


async def test_a_token_does_not_hold_longer_than_go_can_count(issuer: Issuer, signer: Signer) -> None:
    """An end beyond 64 bits is one long ago."""
    why = await refusal(method(issuer, signer), signer.token(exp=1e99))
    assert why == "error validating claims: go-jose/go-jose/jwt: validation failed, token is expired (exp)"


async def test_line_breaks_and_padding_in_a_token_are_nothing(issuer: Issuer, signer: Signer) -> None:
    """Terminals and other encoders put them in; the signature is for the text without them."""
    header, payload, signature = signer.token().split(".")
    await method(issuer, signer).identity(f" {header}=.{payload[:9]}\r\n{payload[9:]}.\n{signature}==\n", NOW)


async def test_a_token_of_nothing_but_dots_is_signed_by_nobody(issuer: Issuer, signer: Signer) -> None:
    """Three empty parts are parts."""
    assert await refusal(method(issuer, signer), "..") == "no known key successfully validated the token signature"


async def test_a_token_without_any_time_is_refused(issuer: Issuer, signer: Signer) -> None:
    """It would hold for ever."""
    why = await refusal(method(issuer, signer), signer.token(iat=None, nbf=None, exp=None))
    assert why == "no issue time, notbefore, or expiration time encoded in token"


@pytest.mark.parametrize(
    ("audience", "bound", "text"),
    [
        ("other", ["consul"], "aud claim does not match any bound audience"),
        (None, ["consul"], "aud claim does not match any bound audience"),
        (["a", "b"], [], "audience claim found in JWT but no audiences are bound"),
    ],
)
async def test_a_token_for_others_is_refused(
    audience: Any, bound: Any, text: str, issuer: Issuer, signer: Signer
) -> None:
    """Also one for anybody in particular, where nobody said who we are."""
    why = await refusal(method(issuer, signer, BoundAudiences=bound), signer.token(aud=audience))
    assert why == f"error validating claims: {text}"


async def test_only_a_known_key_is_believed(
    issuer: Issuer, signer: Signer, stranger: Signer, rsa_signer: Signer
) -> None:
    """Neither a stranger's signature, nor one of another kind, nor none."""
    made = method(issuer, signer)
    unsigned = jwt.encode({"exp": int(NOW) + 60}, "", algorithm="none")
    for bearer in (stranger.token(), rsa_signer.token(), unsigned):
        assert await refusal(made, bearer) == "no known key successfully validated the token signature"


async def test_a_public_key_is_no_shared_secret(issuer: Issuer, rsa_signer: Signer) -> None:
    """A token "signed" with HMAC over our public key is refused: the old confusion of algorithms."""
    body = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256"}, {"exp": NOW + 60})
    ]
    import hashlib
    import hmac

    mac = hmac.new(rsa_signer.pem.encode(), b".".join(body), hashlib.sha256).digest()
    bearer = b".".join([*body, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()
    why = await refusal(method(issuer, rsa_signer), bearer)
    assert why == "no known key successfully validated the token signature"


@pytest.mark.parametrize(
    ("bearer", "text"),
    [
        ("", "missing jwt"),
        ("not.a.jwt", "error parsing token: illegal base64 data at input byte 0"),
        ("x", "error parsing token: go-jose/go-jose: compact JWS format must have three parts"),
        ("a.b.c.d", "error parsing token: go-jose/go-jose: compact JWS format must have three parts"),
        ("e+0.e30.e30", "error parsing token: illegal base64 data at input byte 1"),
    ],
)
async def test_what_is_no_token_is_told_so(bearer: str, text: str, issuer: Issuer, signer: Signer) -> None:
    """With the place of the fault."""
    assert await refusal(method(issuer, signer), bearer) == text


@given(st.text(max_size=200) | st.text(".=", max_size=3).map(lambda ending: f"eyJhbGciOiJFUzI1NiJ9.e30.c2ln{ending}"))
def test_garbage_is_no_token(text: str) -> None:
    """Whatever comes, it is taken apart or refused."""
    try:
        jws.parse(text)
    except MethodError:
        return
    assert text.strip().count(".") == 2


async def test_keys_at_a_url_are_fetched_once_and_again_when_they_rotate(
    issuer: Issuer, signer: Signer, rsa_signer: Signer
) -> None:
    """A signature that no kept key made is a reason to look for new keys, one look a login."""
    url = "https://issuer.test/keys"
    issuer.says(url, {"keys": [signer.jwk, {"kty": "oct", "k": "AAAA"}]})
    made = JwtMethod({"JWKSURL": url}, issuer.fetch)
    await made.identity(signer.token(), NOW)
    await made.identity(signer.token(), NOW)
    assert len(issuer.asked) == 1
    issuer.says(url, {"keys": [rsa_signer.jwk]})
    await made.identity(rsa_signer.token(), NOW)
    assert len(issuer.asked) == 2
    why = await refusal(made, signer.token())
    assert why == "error verifying token: failed to verify id token signature"


async def test_a_provider_is_found_by_its_discovery_document(issuer: Issuer, rsa_signer: Signer) -> None:
    """Its keys are where the document says, and its tokens must name it."""
    issuer.says(f"{ISSUER}/.well-known/openid-configuration", {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"})
    issuer.says(f"{ISSUER}/jwks", {"keys": [rsa_signer.jwk]})
    made = JwtMethod({"OIDCDiscoveryURL": ISSUER, "BoundAudiences": ["consul"]}, issuer.fetch)
    await made.identity(rsa_signer.token(iss=ISSUER, aud="consul"), NOW)
    why = await refusal(made, rsa_signer.token(iss="https://evil.test", aud="consul"))
    assert why.startswith("error validating signature: oidc: id token issued by a different provider")


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"exp": None}, "token is expired (Token Expiry: 0001-01-01 00:00:00 +0000 UTC)"),
        ({"exp": 0}, "token is expired (Token Expiry: 1970-01-01 00:00:00 +0000 UTC)"),
        ({"exp": 1_000}, "token is expired (Token Expiry: 1970-01-01 00:16:40 +0000 UTC)"),
        (
            {"nbf": 1e300},
            "current time 2027-01-15 08:00:00 +0000 UTC before the nbf (not before) time: 9999-12-31 23:59:59",
        ),
        ({"exp": 10**400}, "failed to unmarshal claims: go-jose/go-jose/jwt: expected number value"),
        (
            {"jti": 1},
            "failed to unmarshal claims: json: cannot unmarshal number into Go struct field Claims.jti of type",
        ),
    ],
)
async def test_what_a_provider_s_token_claims_is_looked_at_before_its_keys(
    claims: Any, text: str, issuer: Issuer, rsa_signer: Signer
) -> None:
    """Anybody can write such a token; nobody is asked about it."""
    made = JwtMethod({"OIDCDiscoveryURL": ISSUER}, issuer.fetch)
    why = await refusal(made, rsa_signer.token(**{"iss": ISSUER, **claims}))
    assert why.startswith(f"error validating signature: oidc: {text}")
    assert issuer.asked == []


@pytest.mark.parametrize(
    ("bearer", "text"),
    [
        ("x", "malformed jwt: oidc: malformed jwt, expected 3 parts got 1"),
        ("a.b.c", "malformed jwt: oidc: malformed jwt payload: illegal base64 data at input byte 0"),
        ("..", "failed to unmarshal claims: unexpected end of JSON input"),
        ("e30.e30x.", "failed to unmarshal claims: invalid character"),
    ],
)
async def test_what_is_no_token_of_a_provider_is_told_apart(bearer: str, text: str, issuer: Issuer) -> None:
    """In go-oidc's words."""
    why = await refusal(JwtMethod({"OIDCDiscoveryURL": ISSUER}, issuer.fetch), bearer)
    assert why.startswith(f"error validating signature: oidc: {text}")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("application/json; charset=utf-8", "got Content-Type = application/json, but could not unmarshal as JSON: "),
        ("text/html", 'expected Content-Type = application/json, got "text/html": '),
    ],
)
async def test_keys_that_are_no_json_are_told_with_their_content_type(kind: str, text: str, issuer: Issuer) -> None:
    """A page of a proxy is the usual reason."""
    issuer.says("http://x/keys", b"<html>", kind=kind)
    with pytest.raises(MethodError) as caught:
        await JwtMethod({"JWKSURL": "http://x/keys"}, issuer.fetch).check()
    assert f"oidc: failed to decode keys: {text}invalid character '<'" in str(caught.value)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, "exactly one of 'JWTValidationPubKeys', 'JWKSURL', or 'OIDCDiscoveryURL' must be set for type \"jwt\""),
        ({"JWKSURL": "http://x", "OIDCDiscoveryURL": "http://y"}, "exactly one of "),
        ({"JWTValidationPubKeys": ["no"]}, "error parsing public key JWTValidationPubKeys[0]: data does not contain"),
        ({"JWKSURL": "http://x", "JWTSupportedAlgs": ["HS256"]}, "Invalid supported algorithm: HS256"),
        ({"JWKSURL": "http://x", "ClaimMappings": {"a": "x", "b": "x"}}, "ClaimMappings contains multiple mappings"),
        ({"JWKSURL": "http://x", "OIDCDiscoveryCACert": "x"}, "'OIDCDiscoveryCACert' should not be set unless"),
        ({"JWKSURL": "http://x", "JWKSCACert": "x"}, "error checking JWKSCACert: could not parse CA PEM value"),
        (
            {"Bogus": 1, "JWKSURL": []},
            "error decoding config: 2 error(s) decoding:\n\n* '' has invalid keys: Bogus\n* ",
        ),
    ],
)
def test_a_bad_configuration_is_refused(config: Any, text: str, issuer: Issuer) -> None:
    """When the auth method is written, not when somebody logs in."""
    with pytest.raises(MethodError) as caught:
        JwtMethod(config, issuer.fetch)
    assert str(caught.value).startswith(text)


def test_an_empty_text_for_a_list_is_a_list_of_one(signer: Signer, issuer: Issuer) -> None:
    """So there is a key, and an algorithm, of which nothing can be made; an empty map is an empty list."""
    with pytest.raises(MethodError, match=r"JWTValidationPubKeys\[0\]: data does not contain any valid RSA"):
        JwtMethod({"JWTValidationPubKeys": ""}, issuer.fetch)
    with pytest.raises(MethodError, match=r"^Invalid supported algorithm: $"):
        JwtMethod({"JWTValidationPubKeys": [signer.pem], "JWTSupportedAlgs": ""}, issuer.fetch)
    JwtMethod({"JWTValidationPubKeys": [signer.pem], "JWTSupportedAlgs": {}}, issuer.fetch)


@pytest.mark.parametrize("damage", [("\n", " "), ("-----BEGIN", "  -----BEGIN"), ("-----END", "  -----END")])
def test_a_key_whose_lines_were_folded_or_indented_is_none(
    damage: tuple[str, str], signer: Signer, issuer: Issuer
) -> None:
    """As YAML does it to a key that is not quoted well: a PEM block begins and ends with a line of its own."""
    with pytest.raises(MethodError, match=r"JWTValidationPubKeys\[0\]: data does not contain any valid RSA"):
        JwtMethod({"JWTValidationPubKeys": [signer.pem.replace(*damage)]}, issuer.fetch)


def test_a_key_may_stand_between_other_lines(signer: Signer, issuer: Issuer) -> None:
    """What is around a PEM block does not count, spaces at the ends of its lines neither."""
    text = "Subject: us\n\n" + signer.pem.replace("\n", " \r\n") + "and more"
    JwtMethod({"JWTValidationPubKeys": [text]}, issuer.fetch)


@pytest.mark.parametrize("label", ["CERTIFICATE", "EC PUBLIC KEY", "whatever"])
def test_the_label_of_a_key_does_not_count(label: str, signer: Signer, issuer: Issuer) -> None:
    """People write CERTIFICATE around a bare key; what is inside decides."""
    JwtMethod({"JWTValidationPubKeys": [signer.pem.replace("PUBLIC KEY", label)]}, issuer.fetch)


async def test_unreachable_keys_are_found_out_when_the_method_is_written(issuer: Issuer) -> None:
    """``check`` fetches them."""
    with pytest.raises(MethodError, match="error checking JWKSURL: fetching keys oidc: get keys failed Get"):
        await JwtMethod({"JWKSURL": "http://x/keys"}, issuer.fetch).check()
