"""One client under full steam: ``python sdk_load.py ours|peer PORT REQUESTS``; prints [[req/s, CPU µs a request], …].

Run by the Python that has the library in question, so it imports nothing of the rest. ``peer`` is py-consul of PyPI.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

HOST = "127.0.0.1"
AT_ONCE = 64
SERVICE = "web"
KEY = "bench/k"

Ask = Callable[[], Awaitable[object]]
Figure = tuple[float, float]


def figure(count: int, began: float, cpu: float) -> Figure:
    """Requests a second and µs of CPU a request since then."""
    return count / (time.perf_counter() - began), (time.process_time() - cpu) / count * 1e6


async def steam(ask: Ask, count: int, at_once: int) -> Figure:
    """So many requests by so many tasks, after a few to warm up."""
    for _ in range(min(count, 50)):
        await ask()

    async def some() -> None:
        for _ in range(max(count // at_once, 1)):
            await ask()

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(some() for _ in range(at_once)))
    return figure(max(count // at_once, 1) * at_once, began, cpu)


def blocking(ask: Callable[[], object], count: int) -> Figure:
    """So many requests, one after the other."""
    for _ in range(min(count, 50)):
        ask()
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        ask()
    return figure(count, began, cpu)


async def ours_async(port: int) -> tuple[Ask, Ask, Ask]:
    """Key, service, close."""
    sdk: Any = importlib.import_module("pyconsul.sdk")
    client = sdk.AsyncClient(f"{HOST}:{port}")
    return lambda: client.kv.get(KEY), lambda: client.health.service(SERVICE, passing=True), client.aclose


async def peer_async(port: int) -> tuple[Ask, Ask, Ask]:
    """Key, service, close."""
    library: Any = importlib.import_module("consul.aio")
    client = library.Consul(host=HOST, port=port)
    return lambda: client.kv.get(KEY), lambda: client.health.service(SERVICE, passing=True), client.close


def ours_blocking(port: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Key, service."""
    sdk: Any = importlib.import_module("pyconsul.sdk")
    client = sdk.Client(f"{HOST}:{port}")
    return lambda: client.kv.get(KEY), lambda: client.health.service(SERVICE, passing=True)


def peer_blocking(port: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Key, service."""
    library: Any = importlib.import_module("consul")
    client = library.Consul(host=HOST, port=port)
    return lambda: client.kv.get(KEY), lambda: client.health.service(SERVICE, passing=True)


def main(side: str, port: int, count: int) -> list[Figure]:
    """In the order of the table: key async 1, async 64, blocking; the same for the service."""

    async def both(at_once: int) -> list[Figure]:
        key, service, close = await (ours_async(port) if side == "ours" else peer_async(port))
        found = [await steam(key, count, at_once), await steam(service, count, at_once)]
        await close()
        return found

    single, many = asyncio.run(both(1)), asyncio.run(both(AT_ONCE))
    plain = [blocking(ask, count) for ask in (ours_blocking if side == "ours" else peer_blocking)(port)]
    return [found[n] for n in range(2) for found in (single, many, plain)]


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
