"""What a running agent holds and waits for, where no answer tells."""

import asyncio
from typing import Any, TypeVar

from pyconsul.agent.agent import Agent
from pyconsul.agent.http.front.http1_connection import Connection
from pyconsul.agent.http.front.http2_connection import Http2Connection
from pyconsul.agent.http.front.reading import RequestReader
from pyconsul.agent.http.front.stream import Stream
from pyconsul.memdb import Store
from pyconsul.server.blocking import SharedRead

Kind = TypeVar("Kind", Connection, Http2Connection)


def only_connection(agent: Agent, kind: type[Kind]) -> Kind:
    """The one connection that is open."""
    (connection,) = agent.listeners.front.connections
    assert isinstance(connection, kind)
    return connection


def kept_replies(agent: Agent) -> int:
    """How many replies the HTTP front keeps for whoever asks the same."""
    return len(agent.listeners.front.replies._kept)  # pyright: ignore[reportPrivateUsage]


def shared_reads(agent: Agent) -> list[SharedRead[Any]]:
    """The reads of the server for which somebody waits."""
    return list(agent.server.shared_reads._reads.values())  # pyright: ignore[reportPrivateUsage]


def watchers(db: Store) -> int:
    """How many watch sets wait for a change of anything."""
    return len(db._whole.get(None, ()))  # pyright: ignore[reportPrivateUsage]


def transport_of(connection: Connection | Http2Connection) -> asyncio.Transport:
    """What it writes to; it must not be closed yet."""
    transport = connection._transport  # pyright: ignore[reportPrivateUsage]
    assert transport is not None
    return transport


def waits_for_its_client(connection: Connection | Http2Connection) -> bool:
    """Whether the client has to read before more is written."""
    return connection._drained is not None  # pyright: ignore[reportPrivateUsage]


def reader_of(connection: Connection) -> RequestReader:
    """What came and is no answered request yet."""
    return connection._reader  # pyright: ignore[reportPrivateUsage]


def is_answering(connection: Connection) -> bool:
    """Whether a request is being answered."""
    return connection._task is not None  # pyright: ignore[reportPrivateUsage]


def streams_of(connection: Http2Connection) -> dict[int, Stream]:
    """The streams that have no end yet, by their numbers."""
    return connection._streams  # pyright: ignore[reportPrivateUsage]


def tasks_of(connection: Http2Connection) -> set[asyncio.Task[None]]:
    """The requests that are being answered."""
    return connection._running  # pyright: ignore[reportPrivateUsage]
