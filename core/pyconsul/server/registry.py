"""The table of RPC methods: name → function. Endpoint modules fill it with ``@rpc`` when imported."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from pyconsul.server.measuring import measured

if TYPE_CHECKING:
    from pyconsul.server.server import Server

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")
Method = Callable[["Server", Any], Awaitable[Any]]

METHODS: dict[str, Method] = {}


def rpc(
    name: str,
) -> Callable[[Callable[[Server, Ask], Awaitable[Answer]]], Callable[[Server, Ask], Awaitable[Answer]]]:
    """Register an endpoint under Consul's method name, like ``KVS.Get``."""

    def register(
        function: Callable[[Server, Ask], Awaitable[Answer]],
    ) -> Callable[[Server, Ask], Awaitable[Answer]]:
        if name in METHODS:
            raise ValueError(f"two endpoints named {name}")
        METHODS[name] = measured(name, function)
        return function

    return register
