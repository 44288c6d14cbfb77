"""Calling handlers: a process with JSON on its standard input, or an HTTP request with JSON in its body."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import ssl
from typing import Final

from pyconsul.primitives.tls import client_context
from pyconsul_watch.config import ScriptHandler, URLHandler

logger = logging.getLogger("pyconsul_watch.handler")

OUTPUT_LIMIT: Final = 4096
"""Bytes of a handler's output that are kept, as Consul's agent does."""


class HandlerFailed(Exception):
    """The handler did not take the value; the text says why."""


async def call(handler: ScriptHandler | URLHandler, body: bytes, index: int, watch: str) -> None:
    """Hand one value over. Raises HandlerFailed."""
    if isinstance(handler, URLHandler):
        await _post(handler, body, index, watch)
    else:
        await _run(handler, body, index, watch)


class Tail:
    """The end of an output."""

    def __init__(self) -> None:
        self._kept = b""
        self._total = 0

    def write(self, data: bytes) -> None:
        """Take a piece."""
        self._total += len(data)
        self._kept = (self._kept + data)[-OUTPUT_LIMIT:]

    def text(self) -> str:
        """What was kept; it says so when something was cut off."""
        shown = self._kept.decode("utf-8", "replace").rstrip("\n")
        if self._total > len(self._kept):
            return f"Captured {len(self._kept)} of {self._total} bytes\n...\n{shown}"
        return shown


async def _run(handler: ScriptHandler, body: bytes, index: int, watch: str) -> None:
    environment = {**os.environ, "CONSUL_INDEX": str(index), "CONSUL_WATCH_ID": watch}
    try:
        child = await asyncio.create_subprocess_exec(
            *handler.command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            process_group=0,
        )
    except OSError as error:
        raise HandlerFailed(f"{handler.shown}: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:  # a NUL in a word
        raise HandlerFailed(f"{handler.shown}: {error}") from None
    tail = Tail()
    try:
        async with asyncio.timeout(handler.timeout or None):
            await _talk(child, body, tail)
            status = await child.wait()
    except TimeoutError:
        raise HandlerFailed(f"{handler.shown}: did not end within {handler.timeout:g}s{_said(tail)}") from None
    finally:
        # A handler's own children must not outlive a call that was given up.
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    if status:
        ending = f"exit status {status}" if status > 0 else f"ended by signal {-status}"
        raise HandlerFailed(f"{handler.shown}: {ending}{_said(tail)}")
    logger.debug("%s: %s%s", watch, handler.shown, _said(tail))


def _said(tail: Tail) -> str:
    text = tail.text()
    return f", output: {text}" if text else ""


async def _talk(child: asyncio.subprocess.Process, body: bytes, tail: Tail) -> None:
    """Feed the child while reading what it says, so that neither waits for the other."""
    assert child.stdin is not None and child.stdout is not None
    feeding = asyncio.create_task(_feed(child.stdin, body))
    try:
        while data := await child.stdout.read(65536):
            tail.write(data)
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])


async def _feed(stdin: asyncio.StreamWriter, body: bytes) -> None:
    # A handler that does not read its input is none the worse for it.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(body)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


def _tls(handler: URLHandler) -> ssl.SSLContext:
    """The context for a request. Raises OSError (and its kind ssl.SSLError) for files that cannot be used."""
    context = client_context(ca_file=handler.ca_file, verify=not handler.request.tls_skip_verify)
    if handler.cert_file:
        context.load_cert_chain(handler.cert_file, handler.key_file)
    return context


async def _post(handler: URLHandler, body: bytes, index: int, watch: str) -> None:
    import aiohttp  # only configurations with such handlers pay for it

    request = handler.request
    headers = [("Content-Type", "application/json"), ("X-Consul-Index", str(index))]
    headers.extend((name, value) for name, values in request.header.items() for value in values)
    tail = Tail()
    try:
        context = _tls(handler) if request.path.startswith("https") else True
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=request.timeout)) as session,
            session.request(request.method, request.path, data=body, headers=headers, ssl=context) as answer,
        ):
            async for piece in answer.content.iter_any():
                tail.write(piece)
    except TimeoutError:
        raise HandlerFailed(f"{handler.shown}: no answer within {request.timeout:g}s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise HandlerFailed(f"{handler.shown}: {error}") from None
    if not 200 <= answer.status <= 299:
        raise HandlerFailed(f"{handler.shown}: {answer.status} {answer.reason}{_said(tail)}")
    logger.debug("%s: %s%s", watch, handler.shown, _said(tail))
