"""How servers ask the issuers of auth methods: what comes back, and what is said where nothing does."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from pyconsul.acl.methods.protocol import Ask, MethodError
from pyconsul.server.auth_methods import BODY_LIMIT, AuthMethods, fetch
from pyconsul.structs.acl_auth import ACLAuthMethod
from pyconsul.testing.ports import free_port


@pytest.fixture
async def issuer() -> AsyncIterator[str]:
    """Redirects ``/moved``, says too much at ``/large``, fails at ``/busy`` but for every fourth time, and elsewhere
    repeats the request."""
    faults = itertools.cycle((b"", b"HTTP/1.1 503 X\r\n\r\n", b"HTTP/1.1 429 X\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET /moved"):
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
        elif head.startswith(b"GET /busy"):
            writer.write(next(faults))
        elif head.startswith(b"GET /large"):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (BODY_LIMIT + 1))
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + head)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


def test_a_validator_serves_the_very_auth_method_that_is_stored() -> None:
    """A restored snapshot may bring another one of the same name and index: its issuer counts from then on."""
    keys = ({"JWKSURL": "http://one.test"}, {"JWKSURL": "http://other.test"})
    one, other = (ACLAuthMethod(Name="m", Type="jwt", Config=config, ModifyIndex=7) for config in keys)
    methods = AuthMethods()
    assert methods.validator(one) is methods.validator(one)
    assert methods.validator(other) is not methods.validator(one)


async def test_an_issuer_is_asked_as_told(issuer: str) -> None:
    """Headers and host are the question's."""
    answer = await fetch(Ask(f"{issuer}/keys", headers={"Authorization": "Bearer t"}, host="issuer.test"))
    assert (answer.status, answer.content_type) == ("200 OK", "text/plain")
    assert answer.body.startswith(b"GET /keys HTTP/1.1\r\nHost: issuer.test\r\n")
    assert b"\r\nAuthorization: Bearer t\r\n" in answer.body


async def test_redirections_of_issuers_are_followed_where_that_is_wanted(issuer: str) -> None:
    """Else they are answers like others."""
    assert (await fetch(Ask(f"{issuer}/moved"))).status == "302 Found"
    assert (await fetch(Ask(f"{issuer}/moved", follow=True))).status == "200 OK"


async def test_an_issuer_that_is_busy_is_asked_again(issuer: str) -> None:
    """As often as the question says, with longer and longer pauses."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    assert (await fetch(Ask(f"{issuer}/busy", retries=5), pause)).status == "200 OK"
    assert pauses == [0.5, 1, 2]
    with pytest.raises(MethodError, match="EOF"):
        await fetch(Ask(f"{issuer}/busy"), pause)
    assert (await fetch(Ask(f"{issuer}/busy", retries=1), pause)).status == "429 X"
    assert pauses == [0.5, 1, 2, 0.5]


async def test_only_so_much_of_an_answer_is_read(issuer: str) -> None:
    """An issuer cannot fill a server's memory."""
    assert len((await fetch(Ask(f"{issuer}/large"))).body) == BODY_LIMIT


async def test_an_issuer_that_is_not_there_is_told_by_its_address() -> None:
    """In Go's words, as Consul does."""
    port = free_port()
    with pytest.raises(MethodError) as caught:
        await fetch(Ask(f"http://127.0.0.1:{port}/"))
    assert str(caught.value) == (
        f'Get "http://127.0.0.1:{port}/": dial tcp 127.0.0.1:{port}: connect: connection refused'
    )
    with pytest.raises(MethodError, match='Get "ftp://x/": unsupported protocol scheme "ftp"'):
        await fetch(Ask("ftp://x/"))
