"""A little Consul for the template tool's tests: keys, services, blocking queries, sessions."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest


class FakeConsul:
    """Answers the few routes that templates ask; every write wakes the blocking queries."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Any] = {}
        self.failing = 0
        self.index = 10
        self.requests: list[str] = []
        self.connections = 0
        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Stop listening; open queries end."""
        assert self._server is not None
        self._server.close()
        async with self._changed:
            self.index += 1
            self._changed.notify_all()

    async def put(self, key: str, value: bytes, session: str = "", flags: int = 0) -> None:
        """Set a key."""
        async with self._changed:
            self.index += 1
            entry: dict[str, Any] = {
                "LockIndex": 0,
                "Key": key,
                "Flags": flags,
                "CreateIndex": self.index,
                "ModifyIndex": self.index,
            }
            entry["Value"] = base64.b64encode(value).decode() or None
            self.keys[key] = entry | ({"Session": session} if session else {})
            self._changed.notify_all()

    async def delete(self, key: str) -> None:
        """Remove a key."""
        async with self._changed:
            self.index += 1
            self.keys.pop(key, None)
            self._changed.notify_all()

    async def say(self, path: str, answer: Any) -> None:
        """What a route other than KV answers from now on, whether it is read or written."""
        async with self._changed:
            self.index += 1
            self.answers[path] = answer
            self._changed.notify_all()

    def _read(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        if not path.startswith("/v1/kv/"):
            return (200, self.answers[path]) if path in self.answers else (200, [])
        key = path.removeprefix("/v1/kv/")
        if "recurse" in query:
            found = [self.keys[k] for k in sorted(self.keys) if k.startswith(key)]
        else:
            found = [self.keys[key]] if key in self.keys else []
        return (200, found) if found else (404, None)

    async def _wait(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        known = int(query.get("index", ["0"])[0])
        before = self._read(path, query)
        async with self._changed:
            await self._changed.wait_for(lambda: self.index > known or self._read(path, query) != before)
            return self._read(path, query)

    async def _write(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        if path == "/v1/session/create":
            return 200, {"ID": "11111111-2222-3333-4444-555555555555"}
        if path.startswith("/v1/kv/"):
            key = path.removeprefix("/v1/kv/")
            session = query.get("acquire", [""])[0]
            held = self.keys.get(key, {}).get("Session", "")
            if session and held not in ("", session):
                return 200, False
            await self.put(key, body, session, int(query.get("flags", ["0"])[0]))
        return 200, self.answers.get(path, True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                method, target, _ = head.split("\r\n", 1)[0].split(" ")
                length = next((int(h[15:]) for h in head.lower().split("\r\n") if h.startswith("content-length:")), 0)
                body = await reader.readexactly(length)
                parts = urlsplit(target)
                path, query = unquote(parts.path), parse_qs(parts.query, keep_blank_values=True)
                self.requests.append(f"{method} {target}")
                if self.failing:
                    self.failing -= 1
                    status, answer = 500, "out of order"
                elif method == "GET":
                    status, answer = await self._wait(path, query)
                else:
                    status, answer = await self._write(path, query, body)
                data = _encoded(status, answer)
                lines = f"HTTP/1.1 {status} X\r\nX-Consul-Index: {self.index}\r\nContent-Length: {len(data)}\r\n\r\n"
                writer.write(lines.encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _encoded(status: int, answer: Any) -> bytes:
    """The body: bytes as they are, everything else as JSON, but for errors."""
    if isinstance(answer, bytes):
        return answer
    if status == 404 and answer is None:
        return b""
    return str(answer).encode() if status == 500 else json.dumps(answer).encode()


@pytest.fixture
async def consul() -> AsyncIterator[FakeConsul]:
    """A running little Consul."""
    server = FakeConsul()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def universal_time(zone: Callable[[str], None]) -> None:
    """The machine's zone, in which dates are read, is UTC."""
    zone("UTC")
