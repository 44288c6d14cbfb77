"""What a kind of auth method is: made from a configuration, it turns a bearer token into an identity."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

import msgspec


class MethodError(ValueError):
    """A configuration that cannot be used, or a bearer token that proves nothing; the text is Consul's."""


class Ask(msgspec.Struct, frozen=True):
    """One HTTP request. ``ca`` is PEM text, "" for the system's roots; ``host`` goes into the Host header."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    body: bytes = b""
    ca: str = ""
    host: str = ""
    follow: bool = False  # redirects
    retries: int = 0  # where no answer comes, or one that may be another one later


class Answer(msgspec.Struct, frozen=True):
    """What came back; ``status`` with its reason, as in ``404 Not Found``."""

    status: str
    content_type: str
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it is a 200."""
        return self.status.startswith("200")

    @property
    def is_temporary(self) -> bool:
        """Whether the same question may get another answer later: there were too many, or the server had a fault."""
        return self.status.startswith(("429", "5")) and not self.status.startswith("501")


# Asks and answers; raises MethodError with Go's text where no answer came.
Fetch: TypeAlias = Callable[[Ask], Awaitable[Answer]]


class Identity(msgspec.Struct, frozen=True):
    """Who logs in: ``fields`` is a struct that selectors of binding rules see, ``variables`` fill names."""

    fields: Any
    variables: dict[str, str]


class Validator(Protocol):
    """One auth method, ready for logins."""

    def blank(self) -> Identity:
        """An identity with all its names and no values: binding rules are checked against it."""
        ...

    async def check(self) -> None:
        """Try what can only be tried: that keys can be had. Raises MethodError."""
        ...

    async def identity(self, bearer: str, now: float) -> Identity:
        """The identity that a bearer token proves at ``now``, seconds since 1970. Raises MethodError."""
        ...


# Makes a validator of an auth method's name and configuration. Raises MethodError.
Factory: TypeAlias = Callable[[str, Mapping[str, Any], Fetch], Validator]
