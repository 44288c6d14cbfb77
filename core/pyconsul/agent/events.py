"""User events of this agent: the newest 256 that its filters let through, and who waits for the next.

The events of a single agent go from ``fire`` straight to ``receive``; gossip will stand between the two.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable

import msgspec

from pyconsul.lang.goregexp import GoRegexError, compile_regexp
from pyconsul.lang.strconv import to_bytes
from pyconsul.memdb import WatchSet
from pyconsul.structs.errors import InternalError
from pyconsul.structs.event import UserEvent
from pyconsul.structs.wire import changed
from pyconsul.telemetry.logging import logger

log = logger("agent")
_server_log = logger("agent.server")

KEPT = 256
VERSION = 1
LIMIT_BYTES = 512  # serf's UserEventSizeLimit
REMOTE_EXEC = "_rexec"  # what ``consul exec`` sends: for agents, never shown
GOSSIP_PREFIX = "consul:event:"


class LocalInstance(msgspec.Struct, frozen=True):
    """What filters ask of a service of this agent: Consul looks at its ID, not at its name."""

    id: str
    tags: tuple[str, ...]


class Events:
    """The agent's events. ``instances`` gives the services that ``ServiceFilter`` and ``TagFilter`` look at.

    ``remote_exec`` takes what ``consul exec`` sends; without it the agent does not obey.
    """

    def __init__(
        self,
        node_name: str,
        instances: Callable[[], list[LocalInstance]],
        remote_exec: Callable[[UserEvent], None] | None = None,
    ) -> None:
        self._node_name = node_name
        self._instances = instances
        self._remote_exec = remote_exec
        self._kept: deque[UserEvent] = deque(maxlen=KEPT)
        self._watchers: dict[object, set[WatchSet]] = {}
        self._ltime = 1

    def list(self, name: str = "", ws: WatchSet | None = None) -> list[UserEvent]:
        """Events with this name, or all, oldest first; ``ws`` fires with the next event."""
        if ws is not None:
            ws.watch(self._watchers, None)
        return [event for event in self._kept if not name or event.Name == name]

    def fire(self, event: UserEvent) -> UserEvent:
        """Give the event an ID and send it; returns it as the API shows it. Raises InternalError for a bad one."""
        check(event)
        sent = changed(event, ID=str(uuid.uuid4()), Version=VERSION)
        content = content_size(sent)
        if content > LIMIT_BYTES:
            what = f"user event exceeds configured limit of {LIMIT_BYTES} bytes before encoding"
            raise InternalError(f"error broadcasting event: {what}")
        if message_size(sent, content, self._ltime) > LIMIT_BYTES:
            what = f"encoded user event exceeds configured limit of {LIMIT_BYTES} bytes after encoding"
            raise InternalError(f"error broadcasting event: {what}")
        self._ltime += 1
        self.receive(changed(sent, LTime=self._ltime))
        return sent

    def receive(self, event: UserEvent) -> None:
        """Keep an event if its filters mean this agent."""
        _server_log.debug("User event", event=event.Name)
        if not self._is_meant(event):
            return
        if event.Name == REMOTE_EXEC:
            self._take_order(event)
            return
        log.debug("new event", event_name=event.Name, event_id=event.ID)
        self._kept.append(event)
        for ws in list(self._watchers.get(None, ())):
            ws.fire()

    def _take_order(self, event: UserEvent) -> None:
        if self._remote_exec is None:
            log.info("ignoring remote exec event, disabled.", event_name=event.Name, event_id=event.ID)
        else:
            self._remote_exec(event)

    def _is_meant(self, event: UserEvent) -> bool:
        if event.NodeFilter and not compile_regexp(event.NodeFilter).search(self._node_name):
            return False
        if not event.ServiceFilter:
            return True
        service = compile_regexp(event.ServiceFilter)
        tag = compile_regexp(event.TagFilter) if event.TagFilter else None
        return any(
            service.search(instance.id) and (tag is None or any(tag.search(t) for t in instance.tags))
            for instance in self._instances()
        )


def check(event: UserEvent) -> None:
    """Raise InternalError for an event without name, a tag filter alone, or a filter that is no expression."""
    if not event.Name:
        raise InternalError("User event missing name")
    if event.TagFilter and not event.ServiceFilter:
        raise InternalError("Cannot provide tag filter without service filter")
    for what, expression in (
        ("node", event.NodeFilter),
        ("service", event.ServiceFilter),
        ("tag", event.TagFilter),
    ):
        if expression:
            try:
                compile_regexp(expression)
            except GoRegexError as error:
                raise InternalError(f"Invalid {what} filter: {error}") from error


def content_size(event: UserEvent) -> int:
    """Bytes of the name and of the payload that gossip carries, which holds the name once more."""
    name = to_bytes(event.Name)
    fields: dict[str, object] = {"ID": event.ID, "n": "x" * len(name), "v": event.Version}
    optional = {"p": event.Payload, "nf": event.NodeFilter, "sf": event.ServiceFilter, "tf": event.TagFilter}
    fields.update({key: value for key, value in optional.items() if value})
    return len(GOSSIP_PREFIX) + len(name) + len(msgspec.msgpack.encode(fields))


def message_size(event: UserEvent, content: int, ltime: int) -> int:
    """Bytes of serf's whole message around so much content: a type byte, then a map that knows no short strings."""
    name = len(GOSSIP_PREFIX) + len(to_bytes(event.Name))
    lengths = (_raw_size(name) - name) + (_raw_size(content - name) - (content - name))
    fixed = len(b"\x03" + msgspec.msgpack.encode({"LTime": ltime, "Name": "", "Payload": "", "CC": False})) - 2
    return fixed + lengths + content


def _raw_size(length: int) -> int:
    """Bytes of a string in the old msgpack, which has no strings of one length byte."""
    return length + (1 if length < 32 else 3)


def index_of(events: list[UserEvent]) -> int:
    """The index a list of events has: the newest event's UUID folded to 64 bits, 1 for none. Not monotonic."""
    if not events:
        return 1
    number = uuid.UUID(events[-1].ID).int
    return (number >> 64) ^ (number & (2**64 - 1))
