"""Vault over TLS: whom the client believes, and that it does not ask again whom it does not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from pyconsul.sdk.errors import TransportError
from pyconsul.toolkit.stanzas import Tls, Vault
from pyconsul.toolkit.vault import VaultClient
from tests.certificates import self_signed
from tests.toolkit.conftest import Script


@pytest.fixture
async def authority(script: Script, tmp_path: Path) -> AsyncGenerator[Path]:
    """The file with the certificate of a server, on the port that the script has from then on."""
    certificate, key = self_signed("vault", "127.0.0.1")
    file = tmp_path / "vault.pem"
    file.write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    async with await asyncio.start_server(script.serve, "127.0.0.1", 0, ssl=context) as server:
        script.port = server.sockets[0].getsockname()[1]
        yield file


async def asked(script: Script, tls: Tls) -> tuple[object, list[float]]:
    """What Vault says, or the error, and how long the pauses before other tries were."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    client = VaultClient(Vault(address=f"https://127.0.0.1:{script.port}", token="t", tls=tls), sleep=sleep)
    try:
        return await client.request("GET", "kv/a"), pauses
    except TransportError as error:
        return error.reason, pauses
    finally:
        await client.aclose()


def ways_to_trust(authority: Path) -> list[Tls]:
    """By a file, by a text, or anybody."""
    return [Tls(True, ca_cert=str(authority)), Tls(True, ca_cert_bytes=authority.read_text()), Tls(True, verify=False)]


async def test_the_authority_of_the_stanza_is_believed(script: Script, authority: Path) -> None:
    """As a file or as a text; or nobody is asked for a certificate."""
    script.add(200, {"data": {}})
    for tls in ways_to_trust(authority):
        assert await asked(script, tls) == ({"data": {}}, [])


async def test_a_stranger_is_asked_once(script: Script, authority: Path) -> None:
    """No later answer would be any better."""
    script.add(200, {"data": {}})
    reason, pauses = await asked(script, Tls(True))
    assert "failed to verify certificate" in str(reason)
    assert (pauses, script.asked) == ([], [])
