"""Watch sets: what a read depends on, and the one shot that tells when any of it changed.

A set stands in a bucket for each thing that its reader looked at: a row's key, an index value, a prefix, a table. A
commit looks up the buckets of what it changed, which costs nothing for those who read something else, and fires the
sets in them. One that fired is spent: whoever reads again takes a fresh one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self, TypeAlias

Bucket: TypeAlias = "set[WatchSet]"


class WatchSet:
    """Everything one read looked at. Fires once, at the first commit that changes any of it.

    Usable as a context manager; leaving it, or ``close``, lets go of what it watches.
    """

    __slots__ = ("_buckets", "_quiet", "fired", "on_fire")

    def __init__(self, on_fire: Callable[[], None] | None = None, quiet: WatchSet | None = None) -> None:
        self.fired = False
        self.on_fire = on_fire
        self._quiet = quiet
        self._buckets: list[tuple[dict[object, Bucket], object]] = []

    def watch(self, buckets: dict[object, Bucket], key: object) -> None:
        """Join the watchers of ``key`` in ``buckets``; the bucket goes away with its last watcher.

        One that has fired joins nothing: nobody would take it out again.
        """
        if self.fired:
            return
        bucket = buckets.get(key)
        if bucket is None:
            bucket = buckets[key] = set()
        elif self in bucket:
            return
        bucket.add(self)
        self._buckets.append((buckets, key))

    @property
    def quiet(self) -> WatchSet:
        """For what only ages the answer and is no news to those who wait; this set where nobody tells the two apart."""
        return self if self._quiet is None else self._quiet

    @property
    def watching(self) -> bool:
        """Whether it depends on anything at all."""
        return bool(self._buckets)

    def fire(self) -> None:
        """Tell the owner, once, and stop watching."""
        if self.fired:
            return
        self.fired = True
        self.close()
        if self.on_fire is not None:
            self.on_fire()

    def close(self) -> None:
        """Stop watching. Safe to call twice."""
        for buckets, key in self._buckets:
            bucket = buckets.get(key)
            if bucket is not None:
                bucket.discard(self)
                if not bucket:
                    del buckets[key]
        self._buckets.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
