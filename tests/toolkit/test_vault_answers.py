"""What the Vault client makes of answers that are empty, refused, broken off, or from a mount of another kind."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from pyconsul.sdk.errors import TransportError
from pyconsul.sdk.request import Answer
from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.stanzas import Vault
from pyconsul.toolkit.vault import VaultClient, bare_token, kv2_path
from pyconsul.toolkit.vault_environment import Patience, RateLimit, VaultEnvironment
from pyconsul.toolkit.vault_exchange import Throttle, VaultError, location_of
from tests.toolkit.conftest import Script

Clients = Callable[..., VaultClient]
NOTHING = b""  # the connection is closed instead of an answer


async def at_once(_seconds: float) -> None:
    """A wait that nobody feels."""


@pytest.fixture
async def a_client(script: Script) -> AsyncGenerator[Clients]:
    """Makes clients of the little server; all are closed at the end."""
    made: list[VaultClient] = []

    def make(**settings: object) -> VaultClient:
        given: dict[str, Any] = {"address": script.url, "token": "t", **settings}
        made.append(VaultClient(Vault(**given), sleep=at_once))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ({"data": {"k": "v"}}, {"data": {"k": "v"}}),
        ({"warnings": ["w"]}, {"warnings": ["w"]}),
        ({"errors": []}, None),
        (["odd"], None),
    ],
)
async def test_what_is_not_there_may_have_data_or_warnings(
    script: Script, a_client: Clients, answer: object, wanted: object
) -> None:
    """As a deleted version has; a plain 404 is no secret."""
    script.add(404, answer)
    assert await a_client().request("GET", "kv/a") == wanted


@pytest.mark.parametrize(("body", "kind"), [(b'"no route"', "string"), (b"[]", "array"), (b"5", "number")])
async def test_what_is_no_object_is_no_answer_of_vaults(
    script: Script, a_client: Clients, body: bytes, kind: str
) -> None:
    """Nor does it say that there is nothing, which would empty a list and take a write for done."""
    script.add(200, body)
    client = a_client()
    for asked in (client.read("secret/a"), client.list("secret/"), client.write("secret/a", {"b": 1})):
        with pytest.raises(VaultError) as caught:
            await asked
        assert str(caught.value) == f"json: cannot unmarshal {kind} into Go value of type api.Secret"


async def test_a_path_that_cannot_be_written_is_an_error(script: Script, a_client: Clients) -> None:
    """Nothing there is an answer to a question only."""
    script.add(404, {"errors": ["unsupported path"]})
    with pytest.raises(VaultError, match=r"Code: 404\. Errors:\n\n\* unsupported path$"):
        await a_client().request("PUT", "kv/a", body={})


async def test_a_refusal_that_is_no_json_is_told_as_it_came(script: Script, a_client: Clients) -> None:
    """As from a proxy in between."""
    script.add(403, b"go away")
    with pytest.raises(VaultError, match=r"Code: 403\. Raw Message:\n\ngo away$") as caught:
        await a_client().request("GET", "kv/a")
    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("kind", "version", "path"),
    [
        ("kv", "2", "secret/data/a"),
        ("kv", 2, "secret/data/a"),
        ("kv", "1", "secret/a"),
        ("kv", None, "secret/a"),
        ("generic", "2", "secret/a"),
    ],
)
async def test_only_a_kv_store_of_version_two_has_other_paths(
    script: Script, a_client: Clients, kind: str, version: object, path: str
) -> None:
    """Vault says so of the mount."""
    script.add(200, {"data": {"path": "secret/", "type": kind, "options": {"version": version}}})
    assert await a_client().kv_path("secret/a") == path


async def test_a_mount_is_asked_for_again_after_a_server_was_away(script: Script, a_client: Clients) -> None:
    """That no answer came tells nothing about it."""
    script.answers += [NOTHING] * 3
    script.add(200, {"data": {"path": "secret/", "type": "kv", "options": {"version": "2"}}})
    client = a_client()
    assert [await client.kv_path("secret/a") for _ in range(3)] == ["secret/a", "secret/data/a", "secret/data/a"]
    assert len(script.asked) == 4


async def test_a_connection_that_breaks_is_tried_again(script: Script, a_client: Clients) -> None:
    """Twice, like an answer that is out of order."""
    script.answers += [NOTHING, NOTHING]
    script.add(200, {"data": {}})
    client = a_client()
    assert await client.request("GET", "kv/a") == {"data": {}}
    script.answers = [NOTHING]
    with pytest.raises(TransportError):
        await client.request("GET", "kv/a")
    assert len(script.asked) == 6


@pytest.mark.parametrize(("status", "answer"), [(404, {"errors": []}), (200, {"data": {}}), (200, {"data": None})])
async def test_a_path_without_names_below_it_has_an_empty_list(
    script: Script, a_client: Clients, status: int, answer: object
) -> None:
    """In whatever way that is said."""
    script.add(403, {"errors": []})
    script.add(status, answer)
    assert await a_client().list("kv") == []


async def test_a_lease_is_renewed_by_its_name(script: Script, a_client: Clients) -> None:
    """For as long as Vault likes, unless somebody asks for a time."""
    script.add(200, {"lease_duration": 60})
    client = a_client()
    assert await client.renew_lease("l") == {"lease_duration": 60}
    await client.renew_lease("l", 90)
    assert [body for _, body in script.asked] == [
        b'{"increment":0,"lease_id":"l"}',
        b'{"increment":90,"lease_id":"l"}',
    ]


async def test_a_given_service_account_needs_no_file(script: Script, a_client: Clients) -> None:
    """The token of an earlier login is not sent along."""
    script.add(200, {"auth": {"client_token": "new"}})
    client = a_client(
        token="", k8s_auth_role_name="web", k8s_service_account_token="jwt", k8s_service_account_token_path="/"
    )
    client.token = "old"
    await client.log_in()
    assert client.token == "new"
    assert script.asked[0][1] == b'{"jwt":"jwt","role":"web"}'
    assert "x-vault-token" not in script.asked[0][0].lower()


async def test_a_login_that_fails_is_told_with_its_step(script: Script, a_client: Clients, tmp_path: Path) -> None:
    """Whether Vault refused it or there is nothing to log in with."""
    script.add(403, {"errors": ["permission denied"]})
    client = a_client(token="", k8s_auth_role_name="web", k8s_service_account_token="jwt")
    with pytest.raises(VaultError, match=r"^k8s auth: login: Error making API request(?s:.*)permission denied$"):
        await client.log_in()
    absent = str(tmp_path / "jwt")
    client = a_client(token="", k8s_auth_role_name="web", k8s_service_account_token_path=absent)
    with pytest.raises(ConfigError, match=rf"^k8s auth: new kubernetes auth: .*: open {absent}: no such file"):
        await client.log_in()


async def test_a_redirection_to_a_server_alone_asks_for_its_root(script: Script, a_client: Clients) -> None:
    """There is no path to keep."""
    script.add(307, b"", f"Location: {script.url}")
    script.add(200, {"data": {}})
    assert await a_client().request("GET", "kv/a") == {"data": {}}
    assert script.asked[1][0].startswith("GET / HTTP/1.1\r\n")


def test_a_redirection_may_lead_from_one_tls_server_to_another() -> None:
    """And one that cannot be read is told with the method."""
    there = location_of("GET", "https://a/v1/kv", Answer(307, {"location": "https://b/v1/kv"}, b""))
    assert there.host == "b"
    with pytest.raises(VaultError, match=r'^Put "http://a/v1/kv": failed to parse Location header'):
        location_of("PUT", "http://a/v1/kv", Answer(307, {"location": "http://[::1"}, b""))


def test_a_rate_may_let_one_request_through_at_a_time() -> None:
    """A burst of one is one."""
    throttle = Throttle(RateLimit(1, 1))
    assert [throttle.pause(100.0, 60) for _ in range(3)] == [0.0, 1.0, 2.0]
    assert [throttle.pause(100.0, patience) for patience in (2.9, 3.0)] == [0.0, 3.0]


@pytest.mark.parametrize("path", ["secret/subkeys/a", "secret/metadata/a", "secret/data/a"])
def test_a_path_with_its_middle_stays(path: str) -> None:
    """Whatever part of the store it is for."""
    assert kv2_path(path, "secret/") == path


async def test_requests_carry_what_the_settings_say(script: Script, a_client: Clients) -> None:
    """A path is escaped where it must be, a list asks for one, and a question has no body."""
    script.add(404, {"errors": []})
    client = a_client(client_user_agent="agent/1")
    await client.request("GET", "kv/a b:@!$&'()*+,;=-._~", params={"version": "2"})
    await client.list("kv")
    heads = [head.split("\r\n") for head, _ in script.asked]
    assert heads[0][0] == "GET /v1/kv/a%20b:@!$&'()*+,;=-._~?version=2 HTTP/1.1"
    assert heads[-1][0] == "GET /v1/kv?list=true HTTP/1.1"
    assert {line.partition(": ")[2] for line in heads[0] if line.lower().startswith("user-agent")} == {"agent/1"}
    assert {body for _, body in script.asked} == {b""}


async def test_errors_tell_the_query_too(script: Script, a_client: Clients) -> None:
    """A slash at the end of the address does not count."""
    script.add(400, {"errors": ["bad"]})
    with pytest.raises(VaultError, match=rf"\nURL: GET {script.url}/v1/kv/a\?version=2\nCode: 400"):
        await a_client(address=f"{script.url}/").request("GET", "kv/a", params={"version": "2"})


@pytest.mark.parametrize(
    ("version", "path", "body"), [("1", "kv/a", b'{"x":"y"}'), ("2", "kv/data/a", b'{"data":{"x":"y"}}')]
)
async def test_data_are_written_as_the_store_wants_them(
    script: Script, a_client: Clients, version: str, path: str, body: bytes
) -> None:
    """Version 2 has them below a word of their own."""
    script.add(200, {"data": {"path": "kv/", "type": "kv", "options": {"version": version}}})
    script.add(204)
    assert await a_client().write("kv/a", {"x": "y"}) is None
    assert script.asked[-1][0].startswith(f"PUT /v1/{path} HTTP/1.1\r\n")
    assert script.asked[-1][1] == body


async def test_a_token_is_renewed_for_as_long_as_vault_likes(script: Script, a_client: Clients) -> None:
    """The tool's own, or one that is given."""
    script.add(200, {"auth": {}})
    client = a_client()
    await client.renew_self()
    await client.renew_self("other")
    assert [body for _, body in script.asked] == [b'{"increment":0}'] * 2
    assert ["X-Vault-Token: other" in head for head, _ in script.asked] == [False, True]


async def test_a_server_that_is_away_fails_a_login_with_its_step(script: Script, a_client: Clients) -> None:
    """Whichever one it is; that it was away is its cause."""
    script.answers = [NOTHING]
    for step, settings in (
        ("vault unwrap", {"unwrap_token": True}),
        ("k8s auth: login", {"k8s_auth_role_name": "web"}),
    ):
        given = {**settings, "token": "t" if step == "vault unwrap" else "", "k8s_service_account_token": "jwt"}
        with pytest.raises(VaultError, match=f"^{step}: ") as caught:
            await a_client(**given).log_in()
        assert isinstance(caught.value.__cause__, TransportError)


async def test_a_login_without_a_token_gives_none(script: Script, a_client: Clients) -> None:
    """What is read afterwards tells what that means."""
    script.add(200, {"auth": None})
    client = a_client(token="", k8s_auth_role_name="web", k8s_service_account_token="jwt")
    await client.log_in()
    assert client.token == ""


def test_a_wrapped_token_of_an_agent_is_not_taken(tmp_path: Path) -> None:
    """It has to be unwrapped first, and is good for that once."""
    (tmp_path / "token").write_text("theirs")
    client = VaultClient(Vault(token="mine", unwrap_token=True, vault_agent_token_file=str(tmp_path / "token")))
    client.follow_agent()
    assert client.token == "mine"


@pytest.mark.parametrize(
    ("text", "token"),
    [(" abc\n", "abc"), (" 123\n", "123"), (' {"token": " t "}', "t"), ("{}", ""), ('["t"]', '["t"]')],
)
def test_a_token_stands_by_itself_or_in_json(text: str, token: str) -> None:
    """A number is one as well."""
    assert bare_token(text) == token


async def test_a_mount_that_nobody_named_is_warned_of_by_nobody(
    script: Script, a_client: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    """The question is of no use to people without its name."""
    script.add(403, {"errors": ["no"]})
    assert await a_client().kv_path("kv/a") == "kv/a"
    assert caplog.messages == []


async def test_a_server_with_tls_is_looked_up_as_well() -> None:
    """By its name alone."""
    names: list[str] = []

    async def locate(name: str) -> str:
        names.append(name)
        return "127.0.0.1:1"

    variables = VaultEnvironment(discovers=True, patience=Patience(repetitions=0))
    client = VaultClient(Vault(address="https://vault.invalid", variables=variables), sleep=at_once, locate=locate)
    with pytest.raises(TransportError, match=r"127\.0\.0\.1:1"):
        await client.request("GET", "kv/a")
    assert names == ["vault.invalid"]
    await client.aclose()


def test_a_number_of_repetitions_is_decimal_and_of_32_bits() -> None:
    """As Vault's own client reads it."""
    assert VaultEnvironment.of({"VAULT_MAX_RETRIES": "10"}).patience.repetitions == 10
    assert VaultEnvironment.of({"VAULT_MAX_RETRIES": "4294967295"}).fault == ""
    assert VaultEnvironment.of({"VAULT_MAX_RETRIES": "4294967296"}).fault.endswith("value out of range")
