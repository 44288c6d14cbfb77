"""What every kind of look-up shares: what was asked, what may be asked of others, and the record set that comes out.

A look-up is a generator. It yields ``Ask`` (an RPC) or ``Recurse`` (a name that only a recursor knows) and is sent the
answer, or something for the log (``Endless``, ``Unnamed``); whoever drives it does the waiting and writing. So this
package needs no socket, clock or task to be run and tested.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import msgspec

from pyconsul.agent.dns.message import Edns, Query
from pyconsul.agent.dns.names import labels
from pyconsul.agent.dns.records import Rcode, Record, Type
from pyconsul.agent.dns.settings import DnsSettings
from pyconsul.structs.wire import ReadRequest, changed

Reply = TypeVar("Reply")
Item = TypeVar("Item")
MAX_DEPTH = 3  # how often a CNAME within our own domain is followed


class Dice(Protocol):
    """What shuffles; ``random.Random`` does."""

    def sample(self, population: Sequence[Item], k: int) -> list[Item]:
        """``k`` of the items in a random order."""
        ...


class Ask(msgspec.Struct, frozen=True):
    """An RPC that the look-up needs; a ConsulError is thrown into the generator where it fails."""

    method: str
    request: ReadRequest


class Endless(msgspec.Struct, frozen=True):
    """A name of ours to which too many others led; nothing comes back but that the log has told of it."""

    name: str


class Unnamed(msgspec.Struct, frozen=True):
    """A server that is left out, for no host can have its name; nothing comes back but that the log has told of it."""

    node: str


class Recurse(msgspec.Struct, frozen=True):
    """A name outside our domain whose addresses are wanted; answered with records, none if no recursor knows."""

    name: str


Step: TypeAlias = Generator[Ask | Recurse | Endless | Unnamed, Any, Reply]


class NoSuchName(Exception):
    """The name does not exist: NXDOMAIN."""


class InvalidName(NoSuchName):
    """No name could be there: it is not put together as ours are. The log tells of it."""


class Asked(msgspec.Struct, frozen=True):
    """A question, cut for look-ups.

    ``name`` is the name as asked, ``local`` it in lower case without the domain but with the dot before it,
    ``domain`` the domain as asked, ``source_ip`` the client or the subnet it speaks for, ``dice`` shuffles what is
    found on the way.
    """

    name: str
    type: int
    local: str
    domain: str
    settings: DnsSettings
    dice: Dice
    depth: int = MAX_DEPTH
    source_ip: str = ""
    edns: Edns | None = None

    @property
    def own_name(self) -> str:
        """The name as answers spell it that do not echo the question's case."""
        return self.local + self.domain


class Group(msgspec.Struct, frozen=True):
    """The records of one instance; of several groups with one ``key`` only one is shown."""

    key: object
    answer: tuple[Record, ...]
    additional: tuple[Record, ...] = ()


class RecordSet(msgspec.Struct):
    """Everything that one question has for an answer, before chance and packet size choose.

    ``groups`` are shuffled for every answer. At most ``limit`` of them are shown (0: all). ``soa_if_empty`` marks
    answers that tell of their emptiness with the SOA record; ``cacheable`` is False for what no watch set covers;
    ``keep_order`` for what comes sorted; ``invalid`` is the name, without its domain, that could not be ours.
    """

    rcode: int = Rcode.NOERROR
    groups: list[Group] = msgspec.field(default_factory=list[Group])
    limit: int = 0
    answer: list[Record] = msgspec.field(default_factory=list[Record])
    additional: list[Record] = msgspec.field(default_factory=list[Record])
    soa_if_empty: bool = False
    ecs_global: bool = True
    cacheable: bool = True
    keep_order: bool = False
    invalid: str = ""

    def draw(self, dice: Dice) -> tuple[list[Record], list[Record]]:
        """Answer and additional records in a fresh order. A CNAME is only shown where there is nothing else."""
        answer, additional = list(self.answer), list(self.additional)
        alias: tuple[Record, ...] = ()
        seen: set[object] = set()
        shown = 0
        order = self.groups if self.keep_order else dice.sample(self.groups, len(self.groups))
        for group in order:
            if group.key in seen:
                continue
            seen.add(group.key)
            if group.answer and group.answer[0].type == Type.CNAME:
                alias = alias or group.answer
                continue
            answer += group.answer
            additional += group.additional
            shown += 1
            if shown == self.limit:
                break
        return answer or list(alias), additional


Finder = Callable[[Asked, list[str], list[str]], Step[RecordSet]]
KINDS: dict[str, Finder] = {}


def kind(*names: str) -> Callable[[Finder], Finder]:
    """Register how names under a label are looked up: ``find(asked, labels in front, labels behind)``."""

    def register(function: Finder) -> Finder:
        for name in names:
            KINDS[name] = function
        return function

    return register


class Locality(msgspec.Struct, frozen=True):
    """Where a name says that the answer is to come from."""

    datacenter: str = ""
    peer: str = ""
    peer_or_datacenter: str = ""

    def in_datacenter(self, default: str) -> str:
        """The datacenter to ask; "" for a peer's data."""
        return "" if self.peer else self.datacenter or self.peer_or_datacenter or default


def parse_locality(parts: list[str]) -> Locality:
    """The labels between kind and domain. Raises ``InvalidName``; namespaces and partitions are Enterprise's."""
    if not parts:
        return Locality()
    if len(parts) == 1:
        return Locality(peer_or_datacenter=parts[0])
    if len(parts) not in (2, 4):
        raise InvalidName
    found: dict[str, str] = {}
    for value, label in zip(parts[::2], parts[1::2], strict=True):
        if label not in ("dc", "peer"):
            raise InvalidName
        found[label] = value
    if len(found) == 2:
        raise InvalidName
    return Locality(datacenter=found.get("dc", ""), peer=found.get("peer", ""))


def response_domain(name: str, settings: DnsSettings) -> str:
    """The domain under which ``name`` was asked, in the asker's case."""
    parts = labels(name)
    found = settings.domain
    for start in range(len(parts) - 1, -1, -1):
        suffix = ".".join(parts[start:]) + "."
        if suffix.lower() in (settings.domain, settings.alt_domain):
            found = suffix
    return found


def without_domain(name: str, settings: DnsSettings) -> str:
    """``name`` in lower case without its domain; the longer domain is tried first."""
    name = name.lower()
    shorter, longer = sorted((settings.alt_domain, settings.domain), key=len)
    if name.endswith("." + longer.lstrip(".")):
        return name.removesuffix(longer)
    return name.removesuffix(shorter)


def asked_of(query: Query, settings: DnsSettings, dice: Dice, source_ip: str = "") -> Asked:
    """A query as look-ups take it."""
    return Asked(
        name=query.name,
        type=query.type,
        local=without_domain(query.name, settings),
        domain=response_domain(query.name, settings),
        settings=settings,
        dice=dice,
        source_ip=source_ip,
        edns=query.edns,
    )


def find(asked: Asked) -> Step[RecordSet]:
    """Look a name under our domain up. Raises ``NoSuchName``, or the ConsulError of an RPC."""
    parts = labels(asked.local)
    # From the end: the last word that is a kind counts, since names in front of it may hold any word.
    for at in range(len(parts) - 1, -1, -1):
        finder = KINDS.get(parts[at])
        if finder is not None:
            return (yield from finder(asked, parts[:at], parts[at + 1 :]))
        if asked.type == Type.SRV and parts[at].startswith("_"):  # RFC 2782 names may leave "service" out
            return (yield from KINDS["service"](asked, parts[: at + 1], parts[at + 1 :]))
    raise InvalidName


def ask(asked: Asked, method: str, request: Any) -> Step[Any]:
    """An RPC with the configured consistency, asked again of the leader where the answer is too old."""
    reply = yield Ask(method, request)
    if request.AllowStale and reply.LastContact > asked.settings.max_stale:
        reply = yield Ask(method, changed(request, AllowStale=False, UseCache=False))
    return reply


def with_question(asked: Asked, name: str, rtype: int) -> Asked:
    """A question that answering ``asked`` needs, one level deeper."""
    settings = asked.settings
    return msgspec.structs.replace(
        asked,
        name=name,
        type=rtype,
        local=without_domain(name, settings),
        domain=response_domain(name, settings),
        depth=asked.depth - 1,
        source_ip="",
        edns=None,
    )
