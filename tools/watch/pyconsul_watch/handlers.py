"""Calling handlers: a process with JSON on its standard input, or an HTTP request with JSON in its body."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
import subprocess
from typing import Final

from pyconsul.primitives.links import Trust
from pyconsul.primitives.spawning import PipedProcess, spawn
from pyconsul.primitives.system_errors import system_text
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
        child = await spawn(handler.command(), stdin=subprocess.PIPE, env=environment)
    except OSError as error:
        raise HandlerFailed(f"{handler.shown}: {system_text(error)}") from None
    except ValueError as error:  # a NUL in a word
        raise HandlerFailed(f"{handler.shown}: {error}") from None
    tail = Tail()
    try:
        # A handler's own children must not outlive a call that was given up.
        async with asyncio.timeout(handler.timeout or None), child:
            await _talk(child, body, tail)
            status = await child.wait()
    except TimeoutError:
        raise HandlerFailed(f"{handler.shown}: did not end within {handler.timeout:g}s{_said(tail)}") from None
    if status:
        ending = f"exit status {status}" if status > 0 else f"ended by signal {-status}"
        raise HandlerFailed(f"{handler.shown}: {ending}{_said(tail)}")
    logger.debug("%s: %s%s", watch, handler.shown, _said(tail))


def _said(tail: Tail) -> str:
    text = tail.text()
    return f", output: {text}" if text else ""


async def _talk(child: PipedProcess, body: bytes, tail: Tail) -> None:
    """Feed the child while reading what it says, so that neither waits for the other."""
    assert child.stdin is not None
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


def _trust(handler: URLHandler) -> Trust:
    """Whom a request trusts. Raises OSError (and its kind ssl.SSLError) for files that cannot be used."""

    def make(verify: bool) -> ssl.SSLContext:
        context = client_context(ca_file=handler.ca_file, verify=verify and not handler.request.tls_skip_verify)
        if handler.cert_file:
            # Without a password OpenSSL would ask the terminal for that of a locked key, which Go refuses.
            context.load_cert_chain(handler.cert_file, handler.key_file, password="")
        return context

    return Trust(make)


async def _post(handler: URLHandler, body: bytes, index: int, watch: str) -> None:
    from pyconsul.toolkit.web import DEADLINE, WebError, ask  # only configurations with such handlers pay for it
    from pyconsul.toolkit.web_request import RequestError, canonical, request_of

    given = handler.request
    headers = {"Content-Type": ["application/json"], "X-Consul-Index": [str(index)]}
    for name, values in given.header.items():
        headers.setdefault(canonical(name), []).extend(values)
    tail = Tail()
    try:
        request = request_of(given.method, given.path, headers, body)
        answer = await ask(request, patience=given.timeout, trust=_trust(handler), deadline_text=DEADLINE)
        async with answer:
            async for piece in answer:
                tail.write(piece)
    except (RequestError, WebError) as error:
        raise HandlerFailed(str(error)) from None
    except OSError as error:
        raise HandlerFailed(f"{handler.shown}: {error}") from None
    if not 200 <= answer.status <= 299:
        raise HandlerFailed(f"{handler.shown}: {answer.line}{_said(tail)}")
    logger.debug("%s: %s%s", watch, handler.shown, _said(tail))
