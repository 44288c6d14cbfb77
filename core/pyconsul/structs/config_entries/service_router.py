"""``service-router``: which requests for a service go where."""

from typing import ClassVar

from pyconsul.lang.strconv import quote
from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Uint32,
    Uint64,
    bad_method,
    check_meta,
    demand,
)
from pyconsul.structs.config_entries.header_modifiers import HTTPHeaderModifiers
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, GoDuration, OmitBool, OmitStr, UnsetType, WireStruct, changed

RETRY_CONDITIONS = frozenset(
    (
        "5xx",
        "gateway-error",
        "reset",
        "connect-failure",
        "envoy-ratelimited",
        "retriable-4xx",
        "refused-stream",
        "cancelled",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
        "unavailable",
    )
)


class ServiceRouteHTTPMatchHeader(WireStruct, frozen=True, kw_only=True):
    """What a header must be like."""

    Name: str = ""
    Present: OmitBool = UNSET
    Exact: OmitStr = UNSET
    Prefix: OmitStr = UNSET
    Suffix: OmitStr = UNSET
    Regex: OmitStr = UNSET
    Invert: OmitBool = UNSET

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        if not self.Name:
            return "missing required Name field"
        parts = (self.Present, self.Exact, self.Prefix, self.Suffix, self.Regex)
        one = sum(1 for part in parts if part) == 1
        return "" if one else "should only contain one of Present, Exact, Prefix, Suffix, or Regex"


class ServiceRouteHTTPMatchQueryParam(WireStruct, frozen=True, kw_only=True):
    """What a query parameter must be like."""

    Name: str = ""
    Present: OmitBool = UNSET
    Exact: OmitStr = UNSET
    Regex: OmitStr = UNSET

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        if not self.Name:
            return "missing required Name field"
        one = sum(1 for part in (self.Present, self.Exact, self.Regex) if part) == 1
        return "" if one else "should only contain one of Present, Exact, or Regex"


class ServiceRouteHTTPMatch(WireStruct, frozen=True, kw_only=True):
    """What an HTTP request must be like."""

    aliases: ClassVar[dict[str, str]] = {
        "path_exact": "PathExact",
        "path_prefix": "PathPrefix",
        "path_regex": "PathRegex",
        "case_insensitive": "CaseInsensitive",
        "query_param": "QueryParam",
    }

    PathExact: OmitStr = UNSET
    PathPrefix: OmitStr = UNSET
    PathRegex: OmitStr = UNSET
    CaseInsensitive: OmitBool = UNSET
    Header: list[ServiceRouteHTTPMatchHeader] | UnsetType = UNSET
    QueryParam: list[ServiceRouteHTTPMatchQueryParam] | UnsetType = UNSET
    Methods: list[str] | UnsetType = UNSET

    def fault(self) -> str:
        """What is wrong with it, as it goes behind ``Route[n]``, "" if nothing is."""
        for field, path in (("PathExact", self.PathExact), ("PathPrefix", self.PathPrefix)):
            if path and not path.startswith("/"):
                return f" {field} doesn't start with '/': {quote(path)}"
        if sum(1 for path in (self.PathExact, self.PathPrefix, self.PathRegex) if path) > 1:
            return " should only contain at most one of PathExact, PathPrefix, or PathRegex"
        for number, header in enumerate(self.Header or ()):
            if fault := header.fault():
                return f" Header[{number}] {fault}"
        for number, param in enumerate(self.QueryParam or ()):
            if fault := param.fault():
                return f" QueryParam[{number}] {fault}"
        fault = bad_method(self.Methods)
        return f" Methods {fault}" if fault else ""


class ServiceRouteMatch(WireStruct, frozen=True, kw_only=True):
    """What a request must be like."""

    HTTP: ServiceRouteHTTPMatch | UnsetType = UNSET


class ServiceRouteDestination(WireStruct, frozen=True, kw_only=True):
    """Where a request goes, and how it is treated on the way."""

    aliases: ClassVar[dict[str, str]] = {
        "service_subset": "ServiceSubset",
        "prefix_rewrite": "PrefixRewrite",
        "request_timeout": "RequestTimeout",
        "idle_timeout": "IdleTimeout",
        "num_retries": "NumRetries",
        "retry_on_connect_failure": "RetryOnConnectFailure",
        "retry_on": "RetryOn",
        "retry_on_status_codes": "RetryOnStatusCodes",
        "request_headers": "RequestHeaders",
        "response_headers": "ResponseHeaders",
    }

    # Go's marshaller writes durations that it turns into text before all other fields.
    RequestTimeout: GoDuration | UnsetType = UNSET
    IdleTimeout: GoDuration | UnsetType = UNSET
    Service: OmitStr = UNSET
    ServiceSubset: OmitStr = UNSET
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET
    PrefixRewrite: OmitStr = UNSET
    NumRetries: Uint32 | UnsetType = UNSET
    RetryOnConnectFailure: OmitBool = UNSET
    RetryOn: list[str] | UnsetType = UNSET
    RetryOnStatusCodes: list[Uint32] | UnsetType = UNSET
    RequestHeaders: HTTPHeaderModifiers | UnsetType = UNSET
    ResponseHeaders: HTTPHeaderModifiers | UnsetType = UNSET


class ServiceRoute(WireStruct, frozen=True, kw_only=True):
    """One route: requests that match go there."""

    Match: ServiceRouteMatch | UnsetType = UNSET
    Destination: ServiceRouteDestination | UnsetType = UNSET

    @property
    def http(self) -> ServiceRouteHTTPMatch | None:
        """What requests must be like; None for any."""
        return (self.Match.HTTP or None) if self.Match else None

    def normalized(self) -> "ServiceRoute":
        """The route with its methods in upper case."""
        if not self.Match or not self.Match.HTTP or not self.Match.HTTP.Methods:
            return self
        http = changed(self.Match.HTTP, Methods=[method.upper() for method in self.Match.HTTP.Methods])
        return changed(self, Match=changed(self.Match, HTTP=http))

    def fault(self) -> str:
        """What is wrong with it, as it goes behind ``Route[n]``, "" if nothing is."""
        http = self.http
        if http is not None and (fault := http.fault()):
            return fault
        if not self.Destination:
            return ""
        if self.Destination.PrefixRewrite and not (http and (http.PathExact or http.PathPrefix)):
            return " cannot make use of PrefixRewrite without configuring either PathExact or PathPrefix"
        bad = next((one for one in self.Destination.RetryOn or () if one not in RETRY_CONDITIONS), None)
        return "" if bad is None else f" contains an invalid retry condition: {quote(bad)}"


class ServiceRouter(ConfigEntry, frozen=True, kw_only=True):
    """Which requests for a service go where."""

    kind: ClassVar[str] = "service-router"
    go_type: ClassVar[str] = "structs.ServiceRouterConfigEntry"
    go_embeds_meta: ClassVar[bool] = True

    Kind: str = kind
    Name: str = ""
    Routes: list[ServiceRoute] | None = None
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def normalized(self) -> "ServiceRouter":
        """The entry with all methods in upper case."""
        routes = None if self.Routes is None else [route.normalized() for route in self.Routes]
        return changed(self, Kind=self.kind, Routes=routes)

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        demand(self.Name, "Name is required")
        check_meta(self.Meta)
        for number, route in enumerate(self.Routes or ()):
            if fault := route.fault():
                raise InternalError(f"Route[{number}]{fault}")

    def related(self) -> list[str]:
        """The services that take part in its chain, itself included, sorted."""
        found = {route.Destination.Service or self.Name for route in self.Routes or () if route.Destination}
        return sorted({self.Name, *found})
