"""A little server that says what it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest


class Script:
    """The answers of a server, one a connection; ``asked`` is what came, head and body."""

    def __init__(self, port: int = 0) -> None:
        self.answers: list[bytes] = []
        self.asked: list[tuple[str, bytes]] = []
        self.port = port

    @property
    def url(self) -> str:
        """Its root, without a slash."""
        return f"http://127.0.0.1:{self.port}"

    def add(self, status: int, body: object = b"", *lines: str) -> None:
        """An answer more: JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = "\r\n".join([f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}", "Connection: close", *lines])
        self.answers.append(f"{head}\r\n\r\n".encode() + data)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; the last answer is said again and again."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            _, _, length = head.lower().partition("content-length: ")
            self.asked.append((head, await reader.readexactly(int(length.partition("\r\n")[0] or 0))))
            writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
        finally:
            writer.close()


@pytest.fixture
async def script() -> AsyncGenerator[Script]:
    """A running one."""
    made = Script()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()
