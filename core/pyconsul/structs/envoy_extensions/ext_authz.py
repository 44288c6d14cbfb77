"""``builtin/ext-authz``: requests are let through by an authorization service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from pyconsul.primitives.multierror import multi_error
from pyconsul.structs.envoy_extensions.faults import listed, listener_faults, proxy_faults
from pyconsul.structs.envoy_extensions.reading import Int64, ServiceKind
from pyconsul.structs.envoy_extensions.services import GrpcCall, HeaderValue, ServiceTarget

_InsertLocation: TypeAlias = Annotated[str, Meta(extra={"go": "extensioncommon.InsertLocation"})]
# The answers that Envoy's API has a name for.
_STATUS_CODES: Final = frozenset((0, 100, 226, 307, 308, 426, 428, 429, 431, 510, 511)).union(
    range(200, 209), range(300, 306), range(400, 418), range(421, 425), range(500, 509)
)


class StringMatcher(msgspec.Struct, frozen=True):
    """A pattern for the name of a header."""

    Contains: str = ""
    Exact: str = ""
    IgnoreCase: bool = False
    Prefix: str = ""
    SafeRegex: str = ""
    Suffix: str = ""

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        given = sum(map(bool, (self.Contains, self.Exact, self.Prefix, self.SafeRegex, self.Suffix)))
        return "" if given == 1 else "exactly one of Contains, Exact, Prefix, SafeRegex or Suffix must be set"


Matchers: TypeAlias = list[StringMatcher | None]


class AllowedRequest(msgspec.Struct, frozen=True):
    """The headers that the service gets to see."""

    AllowedHeaders: Matchers = []
    HeadersToAdd: list[HeaderValue | None] = []

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        return _matcher_faults("AuthorizationRequest.AllowedHeaders", self.AllowedHeaders)


class AllowedResponse(msgspec.Struct, frozen=True):
    """The headers of the service's answer that others get to see."""

    AllowedUpstreamHeaders: Matchers = []
    AllowedUpstreamHeadersToAppend: Matchers = []
    AllowedClientHeaders: Matchers = []
    AllowedClientHeadersOnSuccess: Matchers = []
    DynamicMetadataFromHeaders: Matchers = []

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        lists: dict[str, Matchers] = msgspec.structs.asdict(self)
        return [
            fault
            for name, matchers in lists.items()
            for fault in _matcher_faults(f"AuthorizationResponse.{name}", matchers)
        ]


class HttpCall(msgspec.Struct, frozen=True):
    """A service that is called over HTTP."""

    Target: ServiceTarget | None = None
    PathPrefix: str = ""
    AuthorizationRequest: AllowedRequest | None = None
    AuthorizationResponse: AllowedResponse | None = None

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        found = [] if self.Target else ["HttpService.Target must be set"]
        for part in (self.Target, self.AuthorizationRequest, self.AuthorizationResponse):
            found += part.faults() if part else []
        return found


class BufferSettings(msgspec.Struct, frozen=True):
    """How much of a request's body the service gets."""

    MaxRequestBytes: Int64 | None = None
    AllowPartialMessage: bool | None = None
    PackAsBytes: bool | None = None


class Authorization(msgspec.Struct, frozen=True):
    """The service and how it is asked."""

    BootstrapMetadataLabelsKey: str = ""
    ClearRouteCache: bool | None = None
    GrpcService: GrpcCall | None = None
    HttpService: HttpCall | None = None
    IncludePeerCertificate: bool | None = None
    MetadataContextNamespaces: list[str] = []
    StatusOnError: int | None = None
    StatPrefix: str = ""
    WithRequestBody: BufferSettings | None = None

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        found: list[str] = []
        if (self.GrpcService is None) == (self.HttpService is None):
            found.append("exactly one of GrpcService or HttpService must be set")
        name, service = ("HttpService", self.HttpService) if self.HttpService else ("GrpcService", self.GrpcService)
        if service and (faults := service.faults()):
            found.append(f"failed to validate Config.{name}: {multi_error(faults)}")
        if self.StatusOnError is not None and self.StatusOnError not in _STATUS_CODES:
            found.append(
                f"failed to validate Config.StatusOnError:status code {self.StatusOnError} is not supported by Envoy,"
                " please refer to the Envoy documentation for supported status codes"
            )
        return found


class FilterPlace(msgspec.Struct, frozen=True):
    """Where the filter goes."""

    Location: _InsertLocation = ""
    FilterName: str = ""


class ExtAuthz(msgspec.Struct, frozen=True):
    """The arguments of the extension."""

    ProxyType: ServiceKind = ""
    InsertOptions: FilterPlace = FilterPlace()
    ListenerType: str = ""
    Config: Authorization = Authorization()

    def refusal(self) -> str:
        """What is wrong with it, "" if nothing is."""
        return listed([*proxy_faults(self.ProxyType), *listener_faults(self.ListenerType), *self.Config.faults()])


def _matcher_faults(place: str, matchers: Sequence[StringMatcher | None]) -> list[str]:
    found = [
        f"validation failed for matcher at index {at}: {fault}"
        for at, matcher in enumerate(matchers)
        if matcher and (fault := matcher.fault())
    ]
    return [f"validation failed for {place}: {multi_error(found)}"] if found else []
