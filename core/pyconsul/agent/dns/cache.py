"""Answers kept as octets, for as long as nothing that they were made from changes."""

import msgspec

from pyconsul.agent.dns.core import DnsCore
from pyconsul.agent.dns.lookup import RecordSet
from pyconsul.agent.dns.message import Query
from pyconsul.agent.dns.plan import Plan, plan_of
from pyconsul.memdb import WatchSet

_MOST = 65536  # instances over all answers; one of a name that does not exist counts as one


class Kept(msgspec.Struct, frozen=True):
    """One answer: its question and zone, its record set, the plan that makes packets, and what it depends on."""

    query: Query
    zone: str
    found: RecordSet
    plan: Plan | None
    watch: WatchSet
    weight: int


def cache_key(query: Query, *, tcp: bool) -> object:
    """What makes two queries the same.

    Queries without EDNS options are told by their octets, which the door can look up without reading them. Options
    such as cookies differ from client to client and change nothing, so with them the parsed parts count.
    """
    return (query.cache_key() if query.has_options else query.packet[2:]), tcp


class AnswerCache:
    """Record sets by question and transport; the oldest go when there are too many."""

    def __init__(self, core: DnsCore, most: int = _MOST) -> None:
        self._core = core
        self._most = most
        self._weight = 0
        self._kept: dict[object, Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: object) -> Kept | None:
        """The answer kept under ``key``."""
        return self._kept.get(key)

    def keep(self, query: Query, found: RecordSet, watch: WatchSet, *, tcp: bool) -> None:
        """Keep a record set until ``watch`` fires; one that nothing watches over is never kept."""
        key = cache_key(query, tcp=tcp)
        weight = 1 + len(found.groups)
        if not found.cacheable or watch.fired or not watch.watching or weight > self._most:
            watch.close()
            return
        self._drop(key)
        while self._kept and self._weight + weight > self._most:
            self._drop(next(iter(self._kept)))
        plan = plan_of(self._core, query, found, tcp=tcp)
        self._kept[key] = Kept(query, self._core.zone_of(query), found, plan, watch, weight)
        self._weight += weight
        watch.on_fire = lambda: self._drop(key)

    def clear(self) -> None:
        """Forget everything."""
        for key in list(self._kept):
            self._drop(key)

    def _drop(self, key: object) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._weight -= kept.weight
            kept.watch.close()
