# ruff: noqa: E501 - one row a case reads best
"""The Vault client against a little Vault: both KV versions, lists, errors, renewal, logins."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pyconsul.sdk.errors import TransportError
from pyconsul.sdk.request import Answer
from pyconsul.toolkit.stanzas import Vault
from pyconsul.toolkit.vault import VaultClient, kv2_path
from pyconsul.toolkit.vault_environment import Patience, RateLimit, VaultEnvironment
from pyconsul.toolkit.vault_exchange import Throttle, VaultError, location_of


class FakeVault:
    """Answers by method and path; keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.headers: dict[str, str] = {}  # a line more for the answer to a method and path
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.statuses: list[int] = []  # the next answers' own
        self.address = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                first, *lines = head.strip().split("\r\n")
                method, target, _ = first.split(" ")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.asked.append((f"{method} {target}", headers, json.loads(body) if body else None))
                asked = f"{method} {target.partition('?')[0]}"
                status, answer = self.answers.get(asked, (404, {"errors": []}))
                status = self.statuses.pop(0) if self.statuses else status
                data = (
                    answer if isinstance(answer, bytes) else json.dumps(answer).encode() if answer is not None else b""
                )
                lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}"]
                lines += [self.headers[asked]] if asked in self.headers else []
                writer.write("\r\n".join([*lines, "", ""]).encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncGenerator[FakeVault]:
    """A running little Vault."""
    fake = FakeVault()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield fake
    server.close()


@pytest.fixture
async def vault() -> AsyncGenerator[FakeVault]:
    """The Vault that a client is told of."""
    async with serving() as fake:
        yield fake


@pytest.fixture
async def active() -> AsyncGenerator[FakeVault]:
    """The Vault that a standby sends its clients to."""
    async with serving() as fake:
        yield fake


async def at_once(_seconds: float) -> None:
    """A wait that nobody feels."""


def a_client(fake: FakeVault, *, sleep: Callable[[float], Awaitable[None]] = at_once, **settings: Any) -> VaultClient:
    """A client of the little Vault."""
    chosen: dict[str, Any] = {"token": "t", **settings}
    return VaultClient(Vault(address=fake.address, **chosen), sleep=sleep)


def mounted(version: str, path: str = "secret/") -> tuple[int, Any]:
    """What Vault says of a mount."""
    return 200, {"data": {"path": path, "type": "kv", "options": {"version": version}}}


async def test_version_two_paths_get_their_middle(vault: FakeVault) -> None:
    """Reads, writes and lists go to data and metadata."""
    vault.answers["GET /v1/sys/internal/ui/mounts/secret/a"] = mounted("2")
    vault.answers["GET /v1/sys/internal/ui/mounts/secret"] = mounted("2")
    vault.answers["GET /v1/secret/data/a"] = (200, {"data": {"data": {"k": "v"}}})
    vault.answers["GET /v1/secret/metadata"] = (200, {"data": {"keys": ["b", "a"]}})
    vault.answers["PUT /v1/secret/data/a"] = (200, {"data": {"version": 1}})
    client = a_client(vault, namespace="ns")
    assert (await client.read("secret/a") or {})["data"]["data"] == {"k": "v"}
    assert await client.list("secret") == ["a", "b"]
    await client.write("secret/a", {"x": "y"})
    assert vault.asked[-1][2] == {"data": {"x": "y"}}
    assert {"x-vault-token": "t", "x-vault-namespace": "ns"}.items() <= vault.asked[-1][1].items()
    await client.aclose()


async def test_version_one_paths_stay(vault: FakeVault) -> None:
    """Without a version, or when it cannot be found out, the path is asked as it is."""
    vault.answers["GET /v1/kv/a"] = (200, {"data": {"k": 1}})
    client = a_client(vault)
    assert await client.read("kv/a") == {"data": {"k": 1}}
    assert await client.read("kv/nope") is None
    await client.aclose()


async def test_a_mount_that_cannot_be_looked_at_is_warned_of_once(
    vault: FakeVault, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log of who asks, under the name of the query; it counts as one of version 1 from then on."""
    vault.answers["GET /v1/sys/internal/ui/mounts/kv/a"] = (403, {"errors": ["no"]})
    vault.answers["GET /v1/kv/a"] = (200, {"data": {"k": 1}})
    client = VaultClient(Vault(address=vault.address, token="t"), log=logging.getLogger("asking"))
    for _ in range(2):
        assert await client.read("kv/a", name="vault.read(kv/a)") == {"data": {"k": 1}}
    [record] = caplog.records
    assert record.name == "asking"
    assert record.getMessage().startswith("vault.read(kv/a): failed to check if kv/a is KVv2, assume not: Error making")
    assert [asked for asked, _, _ in vault.asked].count("GET /v1/sys/internal/ui/mounts/kv/a") == 1
    await client.aclose()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"data":{"k":', "unexpected EOF"),
        (b"{nope", "invalid character 'n' looking for beginning of object key string"),
    ],
)
async def test_what_is_no_json_is_told_in_the_words_of_gos_decoder(vault: FakeVault, body: bytes, message: str) -> None:
    """An answer that was cut off is told from one that is something else."""
    vault.answers["GET /v1/kv/a"] = (200, body)
    client = a_client(vault)
    with pytest.raises(VaultError) as caught:
        await client.request("GET", "kv/a")
    assert str(caught.value) == message
    await client.aclose()


async def test_what_stands_behind_an_answer_does_not_matter(vault: FakeVault) -> None:
    """The decoder stops behind the first value."""
    vault.answers["GET /v1/kv/a"] = (200, b' {"data":{"k":1}} junk')
    client = a_client(vault)
    assert await client.request("GET", "kv/a") == {"data": {"k": 1}}
    await client.aclose()


async def test_errors_read_like_vaults_own(vault: FakeVault) -> None:
    """Address, status and reasons."""
    vault.answers["GET /v1/kv/a"] = (403, {"errors": ["permission denied"]})
    client = a_client(vault)
    with pytest.raises(VaultError) as caught:
        await client.read("kv/a")
    url = f"{vault.address}/v1/kv/a"
    assert (
        str(caught.value) == f"Error making API request.\n\nURL: GET {url}\nCode: 403. Errors:\n\n* permission denied"
    )
    await client.aclose()


async def test_a_server_that_is_out_of_order_for_a_moment_is_asked_again(vault: FakeVault) -> None:
    """Twice, and later the second time."""
    vault.answers["GET /v1/kv/a"] = (200, {"data": {"k": 1}})
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    client = a_client(vault, sleep=sleep)
    vault.statuses = [503, 412]
    assert await client.request("GET", "kv/a") == {"data": {"k": 1}}
    assert len(waits) == 2 and 1.0 <= waits[0] <= 1.5 and 2.0 <= waits[1] <= 3.0
    vault.statuses = [500, 500, 500]
    with pytest.raises(VaultError, match="Code: 500"):
        await client.request("GET", "kv/a")
    vault.statuses = [400]
    with pytest.raises(VaultError, match="Code: 400"):
        await client.request("GET", "kv/a")
    assert len(waits) == 4
    await client.aclose()


@pytest.mark.parametrize(
    ("failures", "status", "retry_after", "wanted"),
    [(1, 0, "", 1.25), (2, 500, "", 2.5), (3, 500, "", None), (1, 501, "", None), (1, 429, "7", 7.0), (1, 503, "0", 0.0), (1, 503, "x", 1.25), (1, 500, "7", 1.25)],
)  # fmt: skip
def test_pauses_grow_or_are_the_servers(failures: int, status: int, retry_after: str, wanted: float | None) -> None:
    """A server that is too busy may say how long."""
    assert Patience().pause(failures, status, retry_after, 0.5) == wanted


async def test_silence_ends_after_a_while(vault: FakeVault) -> None:
    """All repetitions of a request share its time."""
    forever = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        await forever.wait()

    variables = VaultEnvironment(patience=Patience(timeout=0.05))
    client = a_client(vault, sleep=sleep, variables=variables)
    vault.statuses = [503]
    with pytest.raises(VaultError, match=r"^context deadline exceeded$"):
        await client.request("GET", "kv/a")
    await client.aclose()


async def test_a_standby_sends_its_clients_to_the_active_server(vault: FakeVault, active: FakeVault) -> None:
    """With method, token, body and parameters, whatever the query of the place it names."""
    for status in (301, 302, 307):
        vault.answers["PUT /v1/kv/a"] = (status, None)
        vault.headers["PUT /v1/kv/a"] = f"Location: {active.address}/v1/kv/b?x=1"
        active.answers["PUT /v1/kv/b"] = (200, {"data": {"status": status}})
        client = a_client(vault)
        found = await client.request("PUT", "kv/a", body={"k": "v"}, params={"list": "true"})
        assert found == {"data": {"status": status}}
        assert active.asked[-1][0] == "PUT /v1/kv/b?list=true"
        assert active.asked[-1][1]["x-vault-token"] == "t"
        assert active.asked[-1][2] == {"k": "v"}
        await client.aclose()


async def test_errors_of_the_active_server_name_it(vault: FakeVault, active: FakeVault) -> None:
    """The place that a redirection may tell as a path alone is the same server's."""
    vault.answers |= {"GET /v1/kv/a": (307, None), "GET /v1/kv/b": (403, {"errors": ["no"]})}
    client = a_client(vault)
    for place, shown in ((f"{active.address}/v1/kv/c", f"{active.address}/v1/kv/c"), ("b", f"{vault.address}/v1/kv/b")):
        vault.headers["GET /v1/kv/a"] = f"Location: {place}"
        active.answers["GET /v1/kv/c"] = (403, {"errors": ["no"]})
        with pytest.raises(VaultError) as caught:
            await client.request("GET", "kv/a")
        assert str(caught.value) == f"Error making API request.\n\nURL: GET {shown}\nCode: 403. Errors:\n\n* no"
    await client.aclose()


@pytest.mark.parametrize("second", [300, 303, 307, 308])
async def test_one_redirection_is_followed(vault: FakeVault, second: int) -> None:
    """What comes after it counts as an answer, most of the time an empty one."""
    vault.answers |= {"GET /v1/kv/a": (307, None), "GET /v1/kv/b": (second, None), "GET /v1/kv/c": (200, {"data": {}})}
    vault.headers |= {"GET /v1/kv/a": "Location: /v1/kv/b", "GET /v1/kv/b": "Location: /v1/kv/c"}
    client = a_client(vault)
    assert await client.request("GET", "kv/a") is None
    assert [asked[0] for asked in vault.asked] == ["GET /v1/kv/a", "GET /v1/kv/b"]
    await client.aclose()


async def test_redirections_may_be_forbidden(vault: FakeVault) -> None:
    """By a variable; what the server says then counts as an answer."""
    vault.answers |= {"GET /v1/kv/a": (307, {"data": {"k": "here"}}), "GET /v1/kv/b": (200, None)}
    vault.headers["GET /v1/kv/a"] = "Location: /v1/kv/b"
    client = a_client(vault, variables=VaultEnvironment.of({"VAULT_DISABLE_REDIRECTS": "true"}))
    assert await client.request("GET", "kv/a") == {"data": {"k": "here"}}
    await client.aclose()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("X: y", r"^http: no Location header in response$"),
        ("Location: http://[::1", r"failed to parse Location header \"http://\[::1\": parse .*: missing ']' in host$"),
    ],
)
async def test_a_redirection_to_nowhere_is_told(vault: FakeVault, line: str, message: str) -> None:
    """In the words of Go's client."""
    vault.answers["GET /v1/kv/a"] = (307, None)
    vault.headers["GET /v1/kv/a"] = line
    client = a_client(vault)
    with pytest.raises(VaultError, match=message):
        await client.request("GET", "kv/a")
    await client.aclose()


def test_no_redirection_leads_out_of_tls() -> None:
    """A token is not to be read on the way."""
    answer = Answer(307, {"location": "http://127.0.0.1/v1/kv/a"}, b"")
    with pytest.raises(VaultError, match=r"^redirect would cause protocol downgrade$"):
        location_of("GET", "https://127.0.0.1/v1/kv/a", answer)


async def test_errors_tell_the_name_space_of_the_answer(vault: FakeVault) -> None:
    """But for the root."""
    vault.answers["GET /v1/kv/a"] = (403, {"errors": []})
    client = a_client(vault)
    for space, shown in (("team/", "Namespace: team/\n"), ("root/", "")):
        vault.headers["GET /v1/kv/a"] = f"X-Vault-Namespace: {space}"
        with pytest.raises(VaultError, match=rf"^Error making API request\.\n\n{shown}URL: GET "):
            await client.request("GET", "kv/a")
    await client.aclose()


async def test_requests_may_be_held_to_a_rate(vault: FakeVault) -> None:
    """So many at once, and the next ones as they come due; repetitions and redirections do not count."""
    vault.answers["GET /v1/kv/a"] = (200, None)
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    variables = VaultEnvironment.of({"VAULT_RATE_LIMIT": "0.1:2"})
    client = a_client(vault, sleep=sleep, variables=variables)
    for _ in range(4):
        await client.request("GET", "kv/a")
    assert waits[:2] == [0.0, 0.0]
    assert waits[2:] == [pytest.approx(10, abs=1), pytest.approx(20, abs=1)]
    await client.aclose()


def test_a_rate_lets_requests_through_as_tokens_come_back() -> None:
    """Up to the burst; a wait that is longer than there is time for is left out and owes nothing."""
    throttle = Throttle(RateLimit(rate=2, burst=2))
    assert [throttle.pause(100.0, 60) for _ in range(4)] == [0, 0, 0.5, 1.0]
    assert throttle.pause(100.0, 1.2) == 0.0
    assert throttle.pause(101.0, 60) == 0.5
    assert [throttle.pause(200.0, 60) for _ in range(3)] == [0, 0, 0.5]


@pytest.mark.parametrize("limit", [RateLimit(0, 5), RateLimit(-1, 5), RateLimit(0.5, 0)])
def test_a_rate_that_would_let_nothing_through_holds_nobody_up(limit: RateLimit) -> None:
    """As with Vault's own client."""
    throttle = Throttle(limit)
    assert [throttle.pause(0.0, 60) for _ in range(9)] == [0.0] * 9


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("", None), ("7", RateLimit(7, 7)), ("2.5", RateLimit(2.5, 2)), ("2.5:9", RateLimit(2.5, 9)), ("1:2:3", RateLimit(1, 2)), ("inf", RateLimit(math.inf, 0))],
)  # fmt: skip
def test_a_rate_is_a_number_with_or_without_a_burst(text: str, wanted: RateLimit | None) -> None:
    """Without one, its whole part is that."""
    assert VaultEnvironment.of({"VAULT_RATE_LIMIT": text}).rate_limit == wanted


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"VAULT_MAX_RETRIES": "-1"}, 'strconv.ParseUint: parsing "-1": invalid syntax'),
        ({"VAULT_RATE_LIMIT": "1:x", "VAULT_CLIENT_TIMEOUT": "x"}, "VAULT_RATE_LIMIT was provided but incorrectly formatted"),
        ({"VAULT_CLIENT_TIMEOUT": "x", "VAULT_SKIP_VERIFY": "x"}, 'could not parse "VAULT_CLIENT_TIMEOUT"'),
        ({"VAULT_SKIP_VERIFY": "x", "VAULT_SRV_LOOKUP": "x"}, "could not parse VAULT_SKIP_VERIFY"),
        ({"VAULT_SRV_LOOKUP": "x", "VAULT_DISABLE_REDIRECTS": "x"}, "could not parse VAULT_SRV_LOOKUP"),
        ({"VAULT_DISABLE_REDIRECTS": "x", "VAULT_HEADERS": "x"}, "could not parse VAULT_DISABLE_REDIRECTS"),
    ],
)  # fmt: skip
def test_the_first_variable_that_cannot_be_read_is_told(variables: dict[str, str], message: str) -> None:
    """In the order of Vault's own client."""
    wanted = f"error encountered setting up default configuration: {message}"
    assert VaultEnvironment.of(variables).fault == wanted


async def test_a_server_may_be_looked_up_in_dns(vault: FakeVault) -> None:
    """By its service records, for each request, where the address names no port."""
    vault.answers["GET /v1/kv/a"] = (200, {"data": {}})
    places = [vault.address.removeprefix("http://"), "127.0.0.1:1", ""]
    names: list[str] = []

    async def locate(name: str) -> str:
        names.append(name)
        return places.pop(0)

    variables = VaultEnvironment.of({"VAULT_SRV_LOOKUP": "1", "VAULT_MAX_RETRIES": "0"})
    settings = Vault(address="http://vault.invalid", token="t", variables=variables)
    client = VaultClient(settings, sleep=at_once, locate=locate)
    assert await client.request("GET", "kv/a") == {"data": {}}
    for message in ("dial tcp 127.0.0.1:1: connect: connection refused", "lookup vault.invalid"):
        with pytest.raises(TransportError, match=message):
            await client.request("GET", "kv/a")
    assert names == ["vault.invalid"] * 3
    await client.aclose()


@pytest.mark.parametrize(
    ("environ", "address"), [({"VAULT_SRV_LOOKUP": "1"}, "http://127.0.0.1:1"), ({}, "http://vault.invalid")]
)
async def test_a_port_or_no_variable_means_no_look_up(environ: dict[str, str], address: str) -> None:
    """The address is asked as it is."""

    async def locate(name: str) -> str:
        raise AssertionError(name)

    variables = VaultEnvironment.of({**environ, "VAULT_MAX_RETRIES": "0"})
    client = VaultClient(Vault(address=address, token="t", variables=variables), sleep=at_once, locate=locate)
    with pytest.raises(TransportError):
        await client.request("GET", "kv/a")
    await client.aclose()


async def test_variables_fill_what_the_stanza_leaves_empty(vault: FakeVault) -> None:
    """Token, name space and headers of one's own."""
    environ = {"VAULT_TOKEN": "e", "VAULT_NAMESPACE": "ns", "VAULT_HEADERS": '{"X-Team":"web"}'}
    client = a_client(vault, token="", variables=VaultEnvironment.of(environ))
    await client.request("GET", "kv/a")
    wanted = {"x-vault-token": "e", "x-vault-namespace": "ns", "x-team": "web", "x-vault-request": "true"}
    assert wanted.items() <= vault.asked[-1][1].items()
    assert VaultEnvironment.of({"VAULT_CLIENT_TIMEOUT": "90", "VAULT_MAX_RETRIES": "5"}).patience == Patience(5, 90.0)
    assert VaultEnvironment.of({"VAULT_CLIENT_TIMEOUT": "2m"}).patience.timeout == 120.0
    await client.aclose()


async def test_tokens_are_unwrapped_and_renewed(vault: FakeVault) -> None:
    """The token inside of a wrapping one is used from then on."""
    vault.answers["PUT /v1/sys/wrapping/unwrap"] = (200, {"auth": {"client_token": "inner"}})
    vault.answers["PUT /v1/auth/token/renew-self"] = (200, {"auth": {"lease_duration": 60}})
    client = a_client(vault, unwrap_token=True)
    await client.log_in()
    await client.renew_self()
    assert vault.asked[-1][1]["x-vault-token"] == "inner"
    await client.aclose()


async def test_service_accounts_log_in(vault: FakeVault, tmp_path: Path) -> None:
    """Role and token of Kubernetes are exchanged for one of Vault."""
    (tmp_path / "jwt").write_text("header.claims.signature\n")
    vault.answers["PUT /v1/auth/kubernetes/login"] = (200, {"auth": {"client_token": "k8s"}})
    client = a_client(vault, token="", k8s_auth_role_name="web", k8s_service_account_token_path=str(tmp_path / "jwt"))
    await client.log_in()
    assert client.token == "k8s"
    assert vault.asked[-1][2] == {"role": "web", "jwt": "header.claims.signature"}
    await client.aclose()


async def test_a_given_token_makes_a_login_needless(vault: FakeVault) -> None:
    """The role of Kubernetes is for those who have no token yet."""
    client = a_client(vault, k8s_auth_role_name="web")
    await client.log_in()
    assert (client.token, vault.asked) == ("t", [])
    await client.aclose()


UNWRAPPED: list[tuple[tuple[int, Any], str]] = [
    ((403, {"errors": ["no"]}), "vault unwrap: Error making API request."),
    ((200, {"data": {}}), "vault unwrap: no secret auth"),
    ((200, {"auth": {"client_token": "", "policies": []}}), "vault unwrap: no token returned"),
    ((200, None), "vault unwrap: no secret"),
]


@pytest.mark.parametrize(("answer", "message"), UNWRAPPED)
async def test_what_cannot_be_unwrapped_is_told(vault: FakeVault, answer: tuple[int, Any], message: str) -> None:
    """With the step that failed."""
    vault.answers["PUT /v1/sys/wrapping/unwrap"] = answer
    client = a_client(vault, unwrap_token=True)
    with pytest.raises(VaultError, match=message):
        await client.log_in()
    await client.aclose()


async def test_the_token_of_a_vault_agent_may_change(vault: FakeVault, tmp_path: Path) -> None:
    """The file is looked at again; one that describes a wrapping holds JSON; one that is gone leaves the token."""
    file = tmp_path / "token"
    client = a_client(vault, vault_agent_token_file=str(file))
    seen: list[str] = []
    for text in ("first\n", '{"token": "second", "ttl": 60}', ""):
        file.write_text(text)
        client.follow_agent()
        seen.append(client.token)
    assert seen == ["first", "second", "second"]
    await client.aclose()


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("secret/a/b", "secret/data/a/b"), ("secret", "secret/data"), ("secret/data/a", "secret/data/a"), ("secret/metadata/a", "secret/metadata/a")],
)  # fmt: skip
def test_the_middle_is_put_in_once(path: str, wanted: str) -> None:
    """A path that has it already stays."""
    assert kv2_path(path, "secret/") == wanted
