"""The status endpoint that the tools share, over real connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from pyconsul.toolkit.errors import RunError
from pyconsul.toolkit.status import Metric, StatusServer, prometheus, single
from tests.waiting import comes_true

LOGGER = logging.getLogger("tests.status")


class Told:
    """A subject whose health can be changed."""

    trouble = ""

    def problem(self) -> str:
        """The trouble there is."""
        return self.trouble

    def state(self) -> dict[str, str]:
        """Little, with a byte that is no text."""
        return {"trouble": self.trouble}

    def metrics(self) -> Iterator[Metric]:
        """One metric."""
        yield single("up", "gauge", 1)


@pytest.fixture
async def server() -> AsyncIterator[StatusServer]:
    """A listening endpoint."""
    made = StatusServer(Told(), "127.0.0.1:0", LOGGER)
    await made.start()
    yield made
    await made.stop()


async def fetch(server: StatusServer, request: bytes) -> tuple[str, str]:
    """Status line and body of one request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return head.partition("\r\n")[0], body


@pytest.mark.parametrize(
    ("line", "status", "body"),
    [
        ("GET /health HTTP/1.1", "200 OK", "ok\n"),
        ("HEAD /health HTTP/1.1", "200 OK", ""),
        ("GET /health?x=1 HTTP/1.0", "200 OK", "ok\n"),
        ("GET /metrics HTTP/1.1", "200 OK", "# TYPE up gauge\nup 1\n"),
        ("GET /status HTTP/1.1", "200 OK", '{\n  "trouble": ""\n}\n'),
        ("PUT /health HTTP/1.1", "405 Method Not Allowed", "Method Not Allowed\n"),
        ("GET /nope HTTP/1.1", "404 Not Found", "Not Found\n"),
        ("nonsense", "400 Bad Request", "Bad Request\n"),
    ],
)
async def test_every_request_has_its_answer(server: StatusServer, line: str, status: str, body: str) -> None:
    """Three paths, two methods; all else is refused."""
    assert await fetch(server, f"{line}\r\nHost: x\r\n\r\n".encode()) == (f"HTTP/1.1 {status}", body)


async def test_a_problem_is_a_bad_status(server: StatusServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes look at the status only."""
    monkeypatch.setattr(Told, "trouble", "disk full")
    assert await fetch(server, b"GET /health HTTP/1.1\r\n\r\n") == ("HTTP/1.1 503 Service Unavailable", "disk full\n")


async def test_endless_heads_are_cut_off(server: StatusServer) -> None:
    """Memory is bounded, and the next request is answered."""
    assert (await fetch(server, b"GET /" + b"x" * 100_000))[0] == ""
    assert (await fetch(server, b"GET /health HTTP/1.1\r\n\r\n"))[1] == "ok\n"


async def test_without_an_address_nothing_listens() -> None:
    """The tools need not ask whether it is wanted."""
    quiet = StatusServer(Told(), "", LOGGER)
    await quiet.start()
    assert quiet.port == 0
    await quiet.stop()


@pytest.mark.parametrize("address", ["127.0.0.1:http", "no port", "127.0.0.1:99999", "256.0.0.1:1"])
async def test_an_impossible_address_is_an_error(address: str) -> None:
    """The message has the address."""
    with pytest.raises(RunError, match=f"status endpoint {address}: "):
        await StatusServer(Told(), address, LOGGER).start()


def test_labels_are_escaped() -> None:
    """Quotes, backslashes and newlines cannot end a label."""
    metric = Metric("n_total", "counter", [({"a": 'x"\\\n', "b": "y"}, 2)])
    assert prometheus([metric]) == '# TYPE n_total counter\nn_total{a="x\\"\\\\\\n",b="y"} 2\n'


async def test_a_request_that_is_too_long_is_only_noted(server: StatusServer, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody may send such a thing."""
    caplog.set_level(logging.DEBUG)
    await fetch(server, b"GET /" + b"x" * 100_000)
    await comes_true(lambda: bool(caplog.messages))
    assert [message.partition(":")[0] for message in caplog.messages] == ["Request to the status endpoint failed"]


async def test_a_silent_client_is_let_go(
    server: StatusServer, skip_time: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    """After ten seconds, without an answer."""
    caplog.set_level(logging.DEBUG)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /health")
    await asyncio.sleep(0)
    skip_time(11)
    assert await reader.read() == b""
    writer.close()
    assert [message.partition(":")[0] for message in caplog.messages] == ["Request to the status endpoint failed"]
