"""One class a meaning. Doors (HTTP, DNS, CLI) read the class attributes; nobody parses text.

ConsulError
├── BadRequest            400
│   └── BadOption
├── AclDisabled           401
├── Unauthorized          401
├── PermissionDenied      403
│   └── AclNotFound
├── NotFound              404
├── MethodNotAllowed      405
├── TooLarge              413
├── TooManyRequests       429
├── InternalError         500
│   ├── ConnectDisabled
│   ├── PeeringDisabled
│   ├── NoLeader
│   └── RaftFailure
├── NotBuilt              501
└── Unavailable           503
"""

from collections.abc import Iterable
from typing import ClassVar

from pyconsul.structs.wire import Indexed


class ConsulError(Exception):
    """Base of all that a client may be told; ``text`` is the exact sentence Consul's clients match on."""

    http_status: ClassVar[int] = 500
    default_text: ClassVar[str] = "internal error"
    retry_on_other_server: ClassVar[bool] = False

    def __init__(self, text: str | None = None, *, meta: Indexed | None = None) -> None:
        self.text = self.default_text if text is None else text
        self.meta = meta  # of a read that failed after it had begun; its headers are shown all the same
        self.headers: dict[str, str] = {}  # what an HTTP answer says beside the text
        super().__init__(self.text)


class BadRequest(ConsulError):
    """The request cannot be understood, or asks for what can never be."""

    http_status = 400
    default_text = "Bad request"


class BadOption(BadRequest):
    """An option of a read makes no sense. The one refusal that Consul keeps out of its log."""


class AclDisabled(ConsulError):
    """What ACL routes say while ACLs are off."""

    http_status = 401
    default_text = "ACL support disabled"


class Unauthorized(ConsulError):
    """The request should carry a token and does not."""

    http_status = 401
    default_text = "Unauthorized"


class PermissionDenied(ConsulError):
    """The token is known but may not do this."""

    http_status = 403
    default_text = "Permission denied"


class AclNotFound(PermissionDenied):
    """Nobody knows the token, or its time is over."""

    default_text = "ACL not found"


class NotFound(ConsulError):
    """The named thing does not exist."""

    http_status = 404
    default_text = "Not found"


class MethodNotAllowed(ConsulError):
    """The route exists, the method does not; its ``Allow`` lists those that do."""

    http_status = 405

    def __init__(self, method: str, allow: Iterable[str]) -> None:
        super().__init__(f"method {method} not allowed")
        self.headers["Allow"] = ",".join(allow)


class TooLarge(ConsulError):
    """A body is over its limit."""

    http_status = 413


class TooManyRequests(ConsulError):
    """A rate limit was hit; another try later may succeed."""

    http_status = 429
    retry_on_other_server = True


class InternalError(ConsulError):
    """Consul answers 500 with this text, also where the client is to blame."""


class ConnectDisabled(InternalError):
    """The configuration has switched the service mesh off."""

    default_text = "Connect must be enabled in order to use this endpoint"


class PeeringDisabled(InternalError):
    """The configuration has switched cluster peering off."""

    default_text = "peering must be enabled to use this endpoint"


class NoLeader(InternalError):
    """No voter leads right now; another server or a later try may help."""

    default_text = "No cluster leader"
    retry_on_other_server = True


class RaftFailure(InternalError):
    """The log could not take the entry."""


class NotBuilt(ConsulError):
    """A capability that this agent does not have yet."""

    http_status = 501


class Unavailable(ConsulError):
    """The server cannot serve now."""

    http_status = 503
