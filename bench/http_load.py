"""The HTTP client of our own, for machines without wrk: ``python -m bench.http_load PLAN.json``; prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any, cast

import httptools
import uvloop

from bench.agents import HOST


class Asker(asyncio.Protocol):
    """One connection that asks, waits for the answer and asks again."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the first time."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._requests.next())

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """A whole answer: count it, ask again."""
        self._requests.answered += 1
        self._requests.has_begun.set()
        self._requests.refused += self._parser.get_status_code() >= 300
        self._parser = httptools.HttpResponseParser(self)
        if self._transport is not None and time.perf_counter() < self._requests.deadline:
            self._transport.write(self._requests.next())

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes from here."""
        self._requests.has_begun.set()


class Requests:
    """What is asked, and what came back."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._numbers = count(1)
        self._fixed = b"" if plan["spread"] else self._bytes(plan["path"])
        self.answered = 0
        self.refused = 0
        self.has_begun = asyncio.Event()  # there is an answer, however slow the machine, or there will be none
        self.deadline = time.perf_counter() + plan["seconds"]

    def next(self) -> bytes:
        """The next request's bytes."""
        if self._fixed:
            return self._fixed
        number = next(self._numbers) * 7919 % self._plan["spread"]
        return self._bytes(self._plan["path"].replace("{n}", str(number)))

    def _bytes(self, path: str) -> bytes:
        body = self._plan["body"].encode()
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        return f"{self._plan['method']} {path} HTTP/1.1\r\nHost: {HOST}\r\n{length}\r\n".encode() + body


async def run(plan: dict[str, Any]) -> dict[str, float]:
    """Ask on all connections until the time is over."""
    loop = asyncio.get_running_loop()
    requests = Requests(plan)
    began = time.perf_counter()
    for _ in range(plan["connections"]):
        await loop.create_connection(lambda: Asker(requests), HOST, plan["port"])
    await asyncio.sleep(max(requests.deadline - time.perf_counter(), 0))
    await requests.has_begun.wait()
    return {
        "answers": requests.answered,
        "refused": requests.refused,
        "seconds": time.perf_counter() - began,
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.loads(Path(sys.argv[1]).read_text())))))
