"""Followers and handlers from inside: what counts as news, and TLS."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pyconsul.sdk.errors import ConfigError
from pyconsul.testing import InProcessAgent
from pyconsul.toolkit.retry import RetryPolicy
from pyconsul_watch.config import Config, watch_of
from pyconsul_watch.display import status_text
from pyconsul_watch.follower import Follower, Phase, Surroundings
from pyconsul_watch.handlers import OUTPUT_LIMIT, HandlerFailed, Tail, call
from pyconsul_watch.session import Session
from pyconsul_watch.state import State
from tests.certificates import self_signed
from tests.waiting import comes_true

RETRY = RetryPolicy(attempts=3, backoff_ns=1, max_backoff_ns=1)


def holds(path: Path, text: str) -> bool:
    """Whether a handler has written exactly this."""
    return path.exists() and path.read_text() == text


async def changed(path: Path, text: str) -> None:
    """Wait for that."""
    await comes_true(lambda: holds(path, text))


async def test_a_value_that_came_back_is_delivered(consul_agent: InProcessAgent, tmp_path: Path) -> None:
    """While a call with another value runs, the former one becomes news again."""
    log, gate = tmp_path / "log", tmp_path / "gate"
    script = f"grep -q Session && echo there >> {log} || echo gone >> {log}; until test -e {gate}; do sleep 0.02; done"
    watch = watch_of({"type": "key", "key": "a", "handler": script})
    async with consul_agent.async_client() as client:
        follower = Follower(watch, Surroundings(client, State(), RETRY, asyncio.Semaphore(1)))
        work = asyncio.create_task(follower.run())
        gate.touch()
        await changed(log, "gone\n")
        gate.unlink()
        await client.kv.put("a", "x")
        await changed(log, "gone\nthere\n")
        await client.kv.delete("a")
        gate.touch()
        await changed(log, "gone\nthere\ngone\n")
        follower.stop()
        await asyncio.wait_for(work, 60)


async def test_progress_is_told(consul_agent: InProcessAgent) -> None:
    """The display's line has phases, calls and the last watch."""
    watch = watch_of({"type": "nodes", "args": ["true"], "id": "n"})
    async with consul_agent.async_client() as client:
        follower = Follower(watch, Surroundings(client, State(), RETRY, asyncio.Semaphore(1)))
        assert status_text([follower]) == "1 watches (1 starting), 0 calls"
        assert await follower.once()
    assert follower.progress.phase is Phase.WAITING
    assert status_text([follower]).startswith("1 watches (1 waiting), 1 calls, last n at ")


def test_the_end_of_an_output_is_kept() -> None:
    """With a line that says how much that is."""
    tail = Tail()
    tail.write(b"short\n")
    assert tail.text() == "short"
    tail.write(b"x" * OUTPUT_LIMIT)
    assert tail.text() == f"Captured {OUTPUT_LIMIT} of {OUTPUT_LIMIT + 6} bytes\n...\n{'x' * OUTPUT_LIMIT}"


async def test_a_handler_that_does_not_read_is_fine() -> None:
    """Even when there is more than a pipe holds."""
    handler = watch_of({"type": "nodes", "args": ["true"]}).handler
    await call(handler, b"x" * 1_000_000, 1, "w")


async def test_a_handler_that_a_signal_ended_failed() -> None:
    """The message says which."""
    handler = watch_of({"type": "nodes", "handler": "kill -9 $$"}).handler
    with pytest.raises(HandlerFailed, match="ended by signal 9"):
        await call(handler, b"", 1, "w")


class Accepting(BaseHTTPRequestHandler):
    """Answers 200 to whatever is posted."""

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    paths = folder / "cert.pem", folder / "key.pem"
    for path, data in zip(paths, self_signed("hook", "127.0.0.1"), strict=True):
        path.write_bytes(data)
    return paths


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[str]:
    """An HTTPS server that wants a client certificate; its URL. The files are in the test's folder."""
    cert_file, key_file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    context.load_verify_locations(cert_file)
    context.verify_mode = ssl.CERT_REQUIRED
    server = ThreadingHTTPServer(("127.0.0.1", 0), Accepting)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda request, client_address: None  # refused handshakes are part of the test
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_https_handlers(hook: str, tmp_path: Path) -> None:
    """The server is verified with the authority given, and gets the client's certificate."""
    own = {"cert_file": str(tmp_path / "cert.pem"), "key_file": str(tmp_path / "key.pem")}

    async def post(**settings: Any) -> None:
        config = {"path": hook, **settings}
        stanza = {"type": "nodes", "handler_type": "http", "http_handler_config": config}
        await call(watch_of(stanza).handler, b"[]", 1, "w")

    await post(ca_file=own["cert_file"], **own)
    await post(tls_skip_verify=True, **own)
    with pytest.raises(HandlerFailed, match="certificate signed by unknown authority"):
        await post(**own)
    with pytest.raises(HandlerFailed):
        await post(ca_file=own["cert_file"])
    with pytest.raises(HandlerFailed, match="No such file"):
        await post(ca_file=str(tmp_path / "none.pem"))


async def test_a_reload_with_a_wrong_address_changes_nothing(consul_agent: InProcessAgent) -> None:
    """The watches go on with the agent that they have."""
    watches = [{"type": "nodes", "args": ["true"], "id": "n"}]
    config = Config.of({"consul": {"address": consul_agent.http_address}, "watches": watches}, {})
    session = Session(config, State())
    session.start()
    before = session.followers
    with pytest.raises(ConfigError, match="Unknown protocol scheme: ftp"):
        await session.reload(Config.of({"consul": {"address": "ftp://x"}, "watches": watches}, {}))
    assert (session.followers, session.config) == (before, config)
    await comes_true(before[0].answered.is_set)
    assert before[0].progress.phase is not Phase.UNREACHABLE
    await session.stop()
