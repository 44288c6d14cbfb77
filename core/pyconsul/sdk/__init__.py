"""The SDK: what programs, the command line and the tools use to talk to an agent, ours or Consul's.

``AsyncClient`` for asyncio, ``Client`` for everybody else; the second is generated from the first. Nothing is
imported before it is asked for, so that ``from pyconsul.sdk import Client`` costs milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyconsul.sdk import errors
    from pyconsul.sdk.blocking.client import Client
    from pyconsul.sdk.client import AsyncClient
    from pyconsul.sdk.errors import ConsulError
    from pyconsul.sdk.request import Answer, QueryMeta, QueryOptions, Reply, Request
    from pyconsul.sdk.retry import Retry
    from pyconsul.sdk.settings import TLS, Settings

__all__ = [
    "TLS",
    "Answer",
    "AsyncClient",
    "Client",
    "ConsulError",
    "QueryMeta",
    "QueryOptions",
    "Reply",
    "Request",
    "Retry",
    "Settings",
    "errors",
]

_HOMES = {
    "AsyncClient": "client",
    "Client": "blocking.client",
    "ConsulError": "errors",
    "Settings": "settings",
    "TLS": "settings",
    "Retry": "retry",
    **dict.fromkeys(("Answer", "QueryMeta", "QueryOptions", "Reply", "Request"), "request"),
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "errors":
        return import_module("pyconsul.sdk.errors")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"pyconsul.sdk.{_HOMES[name]}"), name)
