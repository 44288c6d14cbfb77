"""The errors of the SDK: one tree, so that ``except ConsulError`` catches whatever a call can raise.

    ConsulError
    ├── ConfigError          the settings cannot be used
    ├── InvalidArgument      a call that no agent could answer; also a ValueError
    ├── ClientClosed         the client was closed, before the request or under way
    ├── TransportError       no whole answer came back (``.address``, ``.reason``)
    ├── UnexpectedStatus     an answer came back and says no (``.status``, ``.body``)
    │   ├── BadRequest 400 · Unauthorized 401 · PermissionDenied 403 · NotFound 404
    │   └── Conflict 409 · TooManyRequests 429 · ServerError 5xx
    ├── UnreadableAnswer     an answer came back that is not what the route promises
    ├── NotBlocking          a watch was asked of a route that has no index and no hash
    ├── CoordinationError    locks, semaphores, sessions (see ``lock.py``, ``semaphore.py``)
    └── WatchError           a watch plan with wrong parameters (see ``watch.py``)

Their texts are the ones that Consul's own client prints, because people grep for them.
"""

from __future__ import annotations

from typing import ClassVar


class ConsulError(Exception):
    """Root of everything that the SDK raises on purpose."""


class ConfigError(ConsulError):
    """The settings name a file that cannot be read, an unknown scheme, half a key pair …"""


class InvalidArgument(ConsulError, ValueError):
    """An argument that no agent could make sense of; nothing was sent."""


class ClientClosed(ConsulError):
    """The client has been closed: nothing is sent any more, and what was under way is broken off."""

    def __init__(self) -> None:
        super().__init__("the client is closed")


class TransportError(ConsulError):
    """No whole answer came back: refused, cut off, timed out, or TLS failed.

    ``address`` is where the client tried to reach the agent, ``reason`` the cause in Go's words, ``url`` and
    ``method`` what was asked. ``sent`` is False when it is certain that the agent never saw the request, ``timed_out``
    tells that the agent kept silent for too long; where the answer broke off in its body (``in_body``) the text is
    the reason alone.
    """

    def __init__(
        self,
        method: str,
        url: str,
        address: str,
        reason: str,
        *,
        sent: bool = True,
        in_body: bool = False,
        timed_out: bool = False,
    ) -> None:
        shown = url.replace('"', r"\"")  # all else that Go would quote is escaped already
        super().__init__(reason if in_body else f'{method.capitalize()} "{shown}": {reason}')
        self.method = method
        self.url = url
        self.address = address
        self.reason = reason
        self.sent = sent
        self.timed_out = timed_out


class UnexpectedStatus(ConsulError):
    """The agent answered with a status that the route does not use for success."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"Unexpected response code: {status} ({body})")
        self.status = status
        self.body = body


class BadRequest(UnexpectedStatus):
    """400: a parameter or the body is wrong."""


class Unauthorized(UnexpectedStatus):
    """401: ACLs are off, or the call needs a token of another kind."""


class PermissionDenied(UnexpectedStatus):
    """403: the token is unknown or may not do this."""


class NotFound(UnexpectedStatus):
    """404: the route or the object is not there."""


class Conflict(UnexpectedStatus):
    """409: a transaction was rolled back."""


class TooManyRequests(UnexpectedStatus):
    """429: a rate limit; try again later."""


class ServerError(UnexpectedStatus):
    """5xx: no leader, a failed RPC, or any error that the agent has no better status for."""


class UnreadableAnswer(ConsulError):
    """The body is not what the route promises: not JSON, or JSON of another shape."""


class NotBlocking(ConsulError):
    """The route answers without an index or a content hash, so nothing can be waited for."""


class CoordinationError(ConsulError):
    """Base of what locks, semaphores and sessions raise; each class carries Consul's sentence."""

    text: ClassVar[str] = "coordination failed"

    def __init__(self, text: str | None = None) -> None:
        super().__init__(text or self.text)


class CoordinationFailed(CoordinationError):
    """A step towards the lock or slot failed; ``__cause__`` is the error that the agent or the network gave."""


class SessionExpired(CoordinationError):
    """The session is gone: its TTL ran out, or somebody destroyed it."""

    text = "session expired"


class LockHeld(CoordinationError):
    """This handle holds the lock already."""

    text = "Lock already held"


class LockNotHeld(CoordinationError):
    """This handle does not hold the lock."""

    text = "Lock not held"


class LockInUse(CoordinationError):
    """Somebody holds the lock, so it cannot be destroyed."""

    text = "Lock in use"


class LockConflict(CoordinationError):
    """The key exists and was not made by a lock."""

    text = "Existing key does not match lock use"


class LockNotAcquired(CoordinationError):
    """``try_once`` was asked for and the lock stayed with somebody else for the whole wait."""

    text = "Lock not acquired"


class SemaphoreHeld(CoordinationError):
    """This handle holds a slot already."""

    text = "Semaphore already held"


class SemaphoreNotHeld(CoordinationError):
    """This handle holds no slot."""

    text = "Semaphore not held"


class SemaphoreInUse(CoordinationError):
    """Somebody holds a slot, so the semaphore cannot be destroyed."""

    text = "Semaphore in use"


class SemaphoreConflict(CoordinationError):
    """The keys exist and were not made by a semaphore, or with another limit."""

    text = "Existing key does not match semaphore use"


class SemaphoreNotAcquired(CoordinationError):
    """``try_once`` was asked for and no slot came free for the whole wait."""

    text = "Semaphore not acquired"


class WatchError(ConsulError):
    """A watch plan whose parameters cannot be used; the text is Consul's."""


_BY_STATUS: dict[int, type[UnexpectedStatus]] = {
    400: BadRequest,
    401: Unauthorized,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    429: TooManyRequests,
}


def status_error(status: int, body: bytes) -> UnexpectedStatus:
    """The exception for an answer that is not a success; ``body`` is trimmed as Consul's client does."""
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else UnexpectedStatus)
    return kind(status, body.decode("utf-8", "replace").strip())
