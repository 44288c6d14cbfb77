"""Followers: connections whose blocking query is, byte for byte, one that another connection waits with already.

A fast lane of the door, for the many who wait for the same thing. A follower's query is not read at all: its connection
stands in a group and gets the bytes of the leader's answer. What a thousand of them cost is a look-up each when they
ask, and a write each when they are answered. Where the leader goes away, or its wait ends without a change, the oldest
follower asks by itself and leads from then on. This lane is open where that of ``reply_cache.py`` is.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from pyconsul.agent.http.front.reply_cache import ReplyCache, is_plain_read
from pyconsul.server.blocking import Waiting
from pyconsul.telemetry.logging import Level, logger

if TYPE_CHECKING:
    from pyconsul.agent.http.reply import Reply
    from pyconsul.agent.http.request import Request

log = logger("agent.http")

# Parameters with which an answer depends on more than the request's bytes and the state that is waited for.
_ALONE = ("cached", "consistent", "hash", "near", "token")


class Follower(Protocol):
    """What a group needs of a connection."""

    def write(self, data: bytes) -> None:
        """Send bytes."""
        ...

    def was_answered(self) -> None:
        """The answer is written: go on with the next request."""
        ...

    def ask(self, question: bytes, waited: float) -> None:
        """Ask by itself, having waited so many seconds; leads the group where nobody does."""
        ...


class Group:
    """Those who wait in the same bytes: one leads, the others follow, oldest first."""

    def __init__(self, question: bytes, generation: int, groups: dict[bytes, Group]) -> None:
        self.waiting = Waiting()
        self.generation = generation  # of the kept replies: after a reload nobody may join
        self.leader: object = None
        self._question = question
        self._groups = groups
        self._since: dict[Follower, float] = {}

    def __len__(self) -> int:
        """How many follow."""
        return len(self._since)

    def join(self, follower: Follower) -> None:
        """Follow from now on."""
        self._since[follower] = time.monotonic()

    def leave(self, follower: Follower) -> float:
        """Follow no longer; the seconds it waited."""
        return time.monotonic() - self._since.pop(follower)

    def let_go(self, follower: Follower) -> None:
        """A follower that cannot follow any longer asks by itself."""
        follower.ask(self._question, self.leave(follower))

    def answer(self, data: bytes, reply: Reply) -> None:
        """Answer all followers with the leader's bytes: first write them all, then see to the rest."""
        answered, self._since = self._since, {}
        for follower in answered:
            follower.write(data)
        now = time.monotonic()
        for follower, since in answered.items():
            if reply.figures is not None:
                reply.figures.note((now - since) * 1000, reply.status)
            follower.was_answered()

    def led_by(self, leader: object) -> Group:
        """This group, which has a leader from now on."""
        self.leader = leader
        self.waiting.begin()
        return self

    def retire(self, leader: object) -> None:
        """This leader, if it is one still, is done: the oldest follower takes its place, where there is one."""
        if self.leader is not leader:
            return
        self.leader = None
        oldest = next(iter(self._since), None)
        if oldest is None:
            self._groups.pop(self._question, None)
        else:
            self.let_go(oldest)


class Groups:
    """The groups of an agent, by what they ask."""

    def __init__(self, replies: ReplyCache) -> None:
        self._groups: dict[bytes, Group] = {}
        self._replies = replies

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def following(self) -> int:
        """How many wait along with others."""
        return sum(map(len, self._groups.values()))

    def to_follow(self, question: bytes) -> Group | None:
        """The group that a connection with these bytes may join just now."""
        group = self._groups.get(question)
        if group is None or group.leader is None or not group.waiting.is_open or _is_told():
            return None
        return group if group.generation == self._replies.generation else None

    def to_lead(self, question: bytes, request: Request, leader: object) -> Group | None:
        """The group that this connection leads from now on; None where its request waits alone."""
        group = self._groups.get(question)
        if group is not None:
            return None if group.leader is not None else group.led_by(leader)
        if b"index=" not in question or not self._may_be_shared(question, request):
            return None
        group = self._groups[question] = Group(question, self._replies.generation, self._groups)
        return group.led_by(leader)

    def _may_be_shared(self, question: bytes, request: Request) -> bool:
        return (
            self._replies.enabled
            and not _is_told()
            and is_plain_read(question, request)
            and request.query.get("index").strip("0") != ""
            and not any(request.query.has(name) for name in _ALONE)
        )


def _is_told() -> bool:
    """Whether the log tells of each request, which it would not of a follower's."""
    return log.enabled(Level.DEBUG)
