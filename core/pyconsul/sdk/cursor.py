"""The rules of blocking queries, as a small state machine: what to ask next, and whether a reply is news.

From Consul's documentation of blocking queries and ``wire/blocking.md``: an index that goes backwards starts over,
one below 1 counts as 1, an unchanged one is not news, and a client paces itself.
"""

from __future__ import annotations

import msgspec

from pyconsul.sdk.errors import NotBlocking
from pyconsul.sdk.request import QueryMeta, QueryOptions

_BURST = 10.0  # queries that may follow each other at once …
_RATE = 20.0  # … and how many a second after that


class Cursor:
    """Where a blocking query stands."""

    def __init__(self, options: QueryOptions, wait: float) -> None:
        self._base = msgspec.structs.replace(options, wait=options.wait or wait)
        self._index = options.index
        self._hash = options.hash
        self._seen: tuple[int, str] | None = (options.index, options.hash) if options.blocks else None
        self._content: int | None = None  # a hash of what came at it
        self._has_failed = False
        self._allowance = _BURST
        self._last = 0.0

    @property
    def options(self) -> QueryOptions:
        """The options of the next query."""
        return msgspec.structs.replace(self._base, index=self._index, hash=self._hash)

    def took(self, meta: QueryMeta, content: bytes = b"") -> bool:
        """Take note of a reply; True when it is news. Raises NotBlocking when it has no index and no hash.

        After an error other ``content`` is news, too: an agent that lost its state may have come to the same index.
        """
        if not meta.index and not meta.content_hash:
            raise NotBlocking("the route answers without X-Consul-Index: it cannot be watched")
        mark = (0, meta.content_hash) if meta.content_hash else (meta.index, "")
        digest = hash(content)  # in place of the content, which may be megabytes
        is_news = mark != self._seen or (self._has_failed and digest != self._content)
        went_back = mark[0] < self._index
        self._seen, self._content, self._has_failed = mark, digest, False
        # Beyond the servers' index there is nothing to wait for until they have come there again, by other writes.
        self._index, self._hash = (0, "") if went_back else mark
        return is_news

    def failed(self) -> None:
        """After an error ask without waiting: the agent may have forgotten the index."""
        self._index, self._hash = 0, ""
        self._has_failed = True

    def pause(self, now: float) -> float:
        """Seconds to wait before the next query, so that a busy prefix does not become a busy loop."""
        self._allowance = min(_BURST, self._allowance + (now - self._last) * _RATE)
        self._last = now
        self._allowance -= 1
        return 0.0 if self._allowance >= 0 else -self._allowance / _RATE
