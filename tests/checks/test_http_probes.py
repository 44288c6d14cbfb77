"""HTTP probes against little servers: what they ask, and what they make of the answer."""

import asyncio
import gzip
from typing import Any

import pytest

from pyconsul.agent.checks.probes import Result
from pyconsul.testing.ports import free_port
from tests.checks.conftest import SECOND, Serve, answering, attempt, silent


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("200 OK", "passing"),
        ("204 No Content", "passing"),
        ("429 Too Many Requests", "warning"),
        ("301 Moved Permanently", "critical"),
        ("404 Not Found", "critical"),
        ("500 Oops", "critical"),
    ],
)
async def test_http_status_codes_become_statuses(serve: Serve, line: str, status: str) -> None:
    """2xx passes, 429 warns, all else fails; the output quotes status line and body."""
    body = b"" if line.startswith("204") else b"body"
    port = await serve(answering(f"HTTP/1.1 {line}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body))
    url = f"http://127.0.0.1:{port}/h"
    assert await attempt(HTTP=url) == Result(status, f"HTTP GET {url}: {line} Output: {body.decode()}")


async def test_http_requests_are_what_the_check_says(serve: Serve) -> None:
    """Method, headers and body come from the check, the rest from Consul's habits."""
    seen: list[bytes] = []
    port = await serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", seen))
    header = {"Host": ["other.example"], "X-A": ["1", "2"]}
    await attempt(HTTP=f"http://127.0.0.1:{port}/a%20b?c=d", Method="PUT", Header=header)
    head = seen[0].decode()
    assert head.startswith("PUT /a%20b?c=d HTTP/1.1\r\n")
    assert "Host: other.example\r\n" in head and "X-A: 1\r\nX-A: 2\r\n" in head
    assert "User-Agent: Consul Health Check\r\n" in head and "Accept: text/plain, text/*, */*\r\n" in head


async def test_http_output_keeps_the_end_of_the_body(serve: Serve) -> None:
    """Long bodies are cut to the limit, invalid UTF-8 is replaced."""
    port = await serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcde\xff"))
    assert (await attempt(3, HTTP=f"http://127.0.0.1:{port}")).output.endswith("Output: de\ufffd")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (
            "http://127.0.0.1:{port}/",
            'Get "http://127.0.0.1:{port}/": dial tcp 127.0.0.1:{port}: connect: connection refused',
        ),
        ("ftp://x/", 'Get "ftp://x/": unsupported protocol scheme "ftp"'),
        ("http://", 'Get "http:": http: no Host in request URL'),
        ("http://a:b/", 'parse "http://a:b/": invalid port ":b" after host'),
    ],
)
async def test_http_targets_that_cannot_be_asked_are_critical(url: str, text: str) -> None:
    """The output is what Go's client says."""
    port = free_port()
    assert await attempt(HTTP=url.format(port=port)) == Result("critical", text.format(port=port))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"Method": "A B"}, 'net/http: invalid method "A B"'),
        ({"Header": {"A B": ["x"]}}, 'Get "http://x/": net/http: invalid header field name "A B"'),
        ({"Header": {"A": ["x\r\ny"]}}, 'Get "http://x/": net/http: invalid header field value for "A"'),
    ],
)
async def test_http_requests_that_cannot_be_sent_are_critical(fields: dict[str, Any], text: str) -> None:
    """Nothing that a definition says reaches the wire unchecked."""
    assert await attempt(HTTP="http://x/", **fields) == Result("critical", text)


async def test_http_answers_that_never_come_time_out(serve: Serve) -> None:
    """The limit is the check's."""
    port = await serve(silent)
    found = await attempt(HTTP=f"http://127.0.0.1:{port}/", Timeout=SECOND // 20)
    assert found.output.endswith("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")


async def test_http_bodies_that_never_end_count_by_their_status(serve: Serve) -> None:
    """Once the status is there, what came of the body until the limit is the output."""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        await reader.read()

    port = await serve(endless)
    found = await attempt(HTTP=f"http://127.0.0.1:{port}/", Timeout=SECOND)
    assert (found.status, found.output[-12:]) == ("passing", "Output: some")


async def test_http_bodies_that_break_count_by_their_status(serve: Serve) -> None:
    """Bad chunks and a bad archive do not fail a check, as in Consul."""
    port = await serve(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\nzz\r\n"))
    found = await attempt(HTTP=f"http://127.0.0.1:{port}/")
    assert (found.status, found.output[-12:]) == ("passing", "Output: some")
    port = await serve(answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nno archive"))
    assert (await attempt(HTTP=f"http://127.0.0.1:{port}/")).status == "passing"


async def test_packed_http_bodies_are_unpacked(serve: Serve) -> None:
    """Archives may have several members, and a small one may be long unpacked."""
    packed = gzip.compress(b"x" * 200_000) + gzip.compress(b"end")
    port = await serve(answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packed))
    assert (await attempt(5, HTTP=f"http://127.0.0.1:{port}/")).output.endswith("Output: xxend")


async def test_http_garbage_is_critical(serve: Serve) -> None:
    """Whatever a server says, the probe survives."""
    port = await serve(answering(b"\x00\xff garbage\r\n\r\n"))
    assert (await attempt(HTTP=f"http://127.0.0.1:{port}/")).status == "critical"
    port = await serve(answering(b"220 hello\r\n\r\n"))
    found = await attempt(HTTP=f"http://127.0.0.1:{port}/")
    assert found.output.endswith('transport connection broken: malformed HTTP status code "hello"')


@pytest.mark.parametrize(
    ("fields", "start", "lacks"),
    [
        ({"Method": "put"}, "put / HTTP/1.1\r\n", "Content-Length"),
        ({"Method": "HEAD"}, "HEAD / HTTP/1.1\r\n", "Accept-Encoding"),
        ({"Method": "FOO"}, "FOO / HTTP/1.1\r\n", "Content-Length"),
        ({"Header": {"Content-Length": ["5"]}}, "GET / HTTP/1.1\r\n", "Content-Length"),
    ],
)
async def test_http_requests_have_go_s_habits(serve: Serve, fields: dict[str, Any], start: str, lacks: str) -> None:
    """Methods go as they are written, and lengths only where there is something to count."""
    seen: list[bytes] = []
    port = await serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", seen))
    assert (await attempt(HTTP=f"http://127.0.0.1:{port}/", **fields)).status == "passing"
    head = seen[0].decode()
    assert head.startswith(start) and lacks not in head


@pytest.mark.parametrize(
    ("user", "header", "sent"),
    [
        ("u%40:p@", {}, "Authorization: Basic dUA6cA=="),
        ("u:p@", {"Authorization": ["Bearer t"]}, "Authorization: Bearer t"),
    ],
)
async def test_the_user_of_an_http_url_goes_unless_the_check_authorizes_itself(
    serve: Serve, user: str, header: dict[str, list[str]], sent: str
) -> None:
    """One Authorization header is sent."""
    seen: list[bytes] = []
    port = await serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", seen))
    assert (await attempt(HTTP=f"http://{user}127.0.0.1:{port}/", Header=header)).status == "passing"
    assert [line for line in seen[0].decode().split("\r\n") if line.startswith("Authorization")] == [sent]


async def test_http_urls_with_a_port_alone_ask_this_machine(serve: Serve) -> None:
    """The Host header and the output keep what was written."""
    seen: list[bytes] = []
    port = await serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", seen))
    assert (await attempt(HTTP=f"http://:{port}/")).status == "passing"
    assert f"\r\nHost: :{port}\r\n" in seen[0].decode()


async def test_redirects_in_a_ring_end(serve: Serve) -> None:
    """The output names where the last one led, as it was written."""
    port = await serve(answering(b"HTTP/1.1 302 Found\r\nLocation: /ring\r\nContent-Length: 0\r\n\r\n"))
    found = await attempt(HTTP=f"http://127.0.0.1:{port}/")
    assert found == Result("critical", 'Get "/ring": stopped after 10 redirects')


@pytest.mark.parametrize(("follow", "status"), [(True, "passing"), (False, "critical")])
async def test_redirects_are_followed_unless_switched_off(serve: Serve, follow: bool, status: str) -> None:
    """With disabled redirects the 3xx itself is the answer."""
    goal = await serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    location = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{goal}/\r\nContent-Length: 0\r\n\r\n"
    port = await serve(answering(location.encode()))
    assert (await attempt(HTTP=f"http://127.0.0.1:{port}/", DisableRedirects=not follow)).status == status
