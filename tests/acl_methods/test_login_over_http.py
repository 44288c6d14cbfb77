"""A login from end to end: auth method, binding rule, bearer token, ACL token, logout."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from pyconsul.testing import InProcessAgent
from tests.acl_methods.conftest import Signer


class Http:
    """Requests to an agent with a token."""

    def __init__(self, agent: InProcessAgent) -> None:
        self._base = f"http://{agent.http_address}/v1"
        self._admin = agent.management_token

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        """Status and answer to whoever has the token, by default one that may do all; texts as they are."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._base + path, data, {"X-Consul-Token": token or self._admin}, method=method
        )
        try:
            with urllib.request.urlopen(request) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture(name="http")
def http_fixture(signer: Signer) -> Iterator[Http]:
    """An agent that trusts one signer and gives each team its service."""
    with InProcessAgent(acl=True) as agent:
        http = Http(agent)
        method = {
            "Name": "j",
            "Type": "jwt",
            "MaxTokenTTL": "5m",
            "Config": {"JWTValidationPubKeys": [signer.pem], "ClaimMappings": {"team": "team"}},
        }
        assert http.ask("PUT", "/acl/auth-method", method)[0] == 200
        rule = {"AuthMethod": "j", "BindType": "service", "BindName": "app-${value.team}"}
        assert http.ask("PUT", "/acl/binding-rule", rule)[0] == 200
        yield http


def bearer(signer: Signer, **claims: Any) -> str:
    """A token that holds now."""
    now = int(time.time())
    return signer.token(iat=now, nbf=now, exp=now + 600, **claims)


def logged_in(http: Http, signer: Signer, **claims: Any) -> dict[str, Any]:
    """The ACL token of a login."""
    status, token = http.ask("POST", "/acl/login", {"AuthMethod": "j", "BearerToken": bearer(signer, **claims)})
    assert status == 200, token
    return token


def test_a_login_gives_the_rights_of_its_rules_until_the_logout(http: Http, signer: Signer) -> None:
    """The token may write its team's service and no other, for five minutes at the most."""
    token = logged_in(http, signer, team="blue")
    assert token["ServiceIdentities"] == [{"ServiceName": "app-blue"}]
    assert "ExpirationTime" in token
    secret = token["SecretID"]
    assert http.ask("GET", "/acl/token/self", token=secret)[1]["AuthMethod"] == "j"
    assert http.ask("GET", "/kv/x", token=secret)[0] == 403
    assert http.ask("POST", "/acl/logout", token=secret) == (200, True)
    assert http.ask("GET", "/acl/token/self", token=secret)[0] == 403


def test_a_login_that_no_rule_gives_anything_is_refused(http: Http, signer: Signer) -> None:
    """There is no token without rights."""
    status, rules = http.ask("GET", "/acl/binding-rules?authmethod=j")
    assert status == 200
    assert http.ask("DELETE", f"/acl/binding-rule/{rules[0]['ID']}") == (200, True)
    ask = {"AuthMethod": "j", "BearerToken": bearer(signer, team="blue")}
    assert http.ask("POST", "/acl/login", ask) == (403, "Permission denied")


def test_with_its_auth_method_goes_all_that_it_gave(http: Http, signer: Signer) -> None:
    """Rules and tokens of the method; others stay."""
    secret = logged_in(http, signer, team="blue")["SecretID"]
    assert http.ask("DELETE", "/acl/auth-method/j") == (200, True)
    assert http.ask("GET", "/acl/binding-rules") == (200, [])
    assert http.ask("GET", "/acl/token/self", token=secret)[0] == 403
    assert http.ask("GET", "/acl/tokens")[0] == 200


def test_another_key_opens_the_door_only_once_it_is_configured(http: Http, signer: Signer, stranger: Signer) -> None:
    """A changed auth method counts from the next login on, and the old key no more."""
    ask = {"AuthMethod": "j", "BearerToken": bearer(stranger, team="red")}
    assert http.ask("POST", "/acl/login", ask)[0] == 500
    config = {"JWTValidationPubKeys": [stranger.pem], "ClaimMappings": {"team": "team"}}
    assert http.ask("PUT", "/acl/auth-method/j", {"Config": config})[0] == 200
    assert http.ask("POST", "/acl/login", ask)[0] == 200
    assert http.ask("POST", "/acl/login", ask | {"BearerToken": bearer(signer, team="red")})[0] == 500


def test_only_writers_of_acls_make_auth_methods(http: Http, signer: Signer) -> None:
    """Whoever could would be whoever they like."""
    secret = logged_in(http, signer, team="blue")["SecretID"]
    for path in ("/acl/auth-method", "/acl/binding-rule"):
        status, text = http.ask("PUT", path, {}, token=secret)
        assert (status, "lacks permission 'acl:write'" in text) == (403, True)
