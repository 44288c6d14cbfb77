# ruff: noqa: E501 - one row a case reads best
"""The Vault client against a little Vault: both KV versions, lists, errors, renewal, logins."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pyconsul.toolkit.stanzas import Vault
from pyconsul.toolkit.vault import VaultClient, VaultError, kv2_path
from pyconsul.toolkit.vault_environment import Patience, VaultEnvironment


class FakeVault:
    """Answers by method and path; keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
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
                status, answer = self.answers.get(f"{method} {target.partition('?')[0]}", (404, {"errors": []}))
                status = self.statuses.pop(0) if self.statuses else status
                data = json.dumps(answer).encode() if answer is not None else b""
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def vault() -> AsyncIterator[FakeVault]:
    """A running little Vault."""
    fake = FakeVault()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield fake
    server.close()


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


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((403, {"errors": ["no"]}), "vault unwrap: Error making API request."),
        ((200, {"data": {}}), "vault unwrap: no secret auth"),
        ((200, {"auth": {"client_token": "", "policies": []}}), "vault unwrap: no token returned"),
        ((200, None), "vault unwrap: no secret"),
    ],
)
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
