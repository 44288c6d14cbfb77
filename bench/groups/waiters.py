"""Many blocking queries held by one thread, and the time at which the last of them is answered."""

from __future__ import annotations

import resource
import selectors
import socket
import time
from collections.abc import Sequence

from bench.agents import HOST, PATIENCE, RunningAgent

SPARE_FILES = 200


class Waiters:
    """So many connections, each with one blocking query under way while ``asked``."""

    def __init__(self, agent: RunningAgent, paths: Sequence[str]) -> None:
        _allow_files(len(paths) + SPARE_FILES)
        self._agent = agent
        self._paths = paths
        self._selector = selectors.DefaultSelector()
        self._sockets = [socket.create_connection((HOST, agent.port)) for _ in paths]
        for one in self._sockets:
            self._selector.register(one, selectors.EVENT_READ, data=one)

    def ask(self, index: int) -> None:
        """Send all queries, and wait until the agent has taken them in and rests."""
        for one, path in zip(self._sockets, self._paths, strict=True):
            one.sendall(f"GET {path}?index={index}&wait=60s HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        self._agent.wait_until_quiet()

    def answered(self, count: int) -> float:
        """Wait until so many are answered; the time at which the last was."""
        open_ones = {one.fileno() for one in self._sockets}
        deadline = time.perf_counter() + PATIENCE
        done = 0
        while done < count:
            ready = self._selector.select(max(deadline - time.perf_counter(), 0))
            if not ready:
                raise TimeoutError(f"{done} of {count} blocking queries were answered")
            for key, _ in ready:
                waiting: socket.socket = key.data
                data = waiting.recv(65536)
                if not data:
                    raise OSError("the agent closed a blocking query")
                if key.fd in open_ones and b"\r\n\r\n" in data:
                    open_ones.discard(key.fd)
                    done += 1
        return time.perf_counter()

    def close(self) -> None:
        """Hang up all."""
        self._selector.close()
        for one in self._sockets:
            one.close()


def _allow_files(count: int) -> None:
    """Raise the limit of open files for this process and those it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
