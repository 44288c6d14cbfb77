"""``http-route``: which HTTP requests of an API gateway go where."""

from typing import ClassVar

from pyconsul.lang.strconv import quote
from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Nanoseconds,
    Uint32,
    Uint64,
    bad_method,
    check_meta,
    demand,
)
from pyconsul.structs.config_entries.names import is_domain_name
from pyconsul.structs.config_entries.status import EntryStatus, ResourceReference, check_parents, parents_with_kind
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, UnsetType, WireStruct, changed


class HTTPHeaderMatch(WireStruct, frozen=True, kw_only=True):
    """What a header must be like."""

    go_field_types: ClassVar[dict[str, str]] = {"Match": "structs.HTTPHeaderMatchType"}

    Match: str = ""
    Name: str = ""
    Value: str = ""

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        if not self.Name:
            return "missing required Name field"
        known = self.Match in ("exact", "prefix", "regex", "suffix", "present")
        return "" if known else "match type should be one of present, exact, prefix, suffix, or regex"


class HTTPPathMatch(WireStruct, frozen=True, kw_only=True):
    """What a path must be like."""

    go_field_types: ClassVar[dict[str, str]] = {"Match": "structs.HTTPPathMatchType"}

    Match: str = ""
    Value: str = ""

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        if self.Match in ("exact", "prefix") and not self.Value.startswith("/"):
            return f"{self.Match} type match doesn't start with '/': {quote(self.Value)}"
        known = self.Match in ("exact", "prefix", "regex")
        return "" if known else "match type should be one of exact, prefix, or regex"


class HTTPQueryMatch(WireStruct, frozen=True, kw_only=True):
    """What a query parameter must be like."""

    go_field_types: ClassVar[dict[str, str]] = {"Match": "structs.HTTPQueryMatchType"}

    Match: str = ""
    Name: str = ""
    Value: str = ""

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        if not self.Name:
            return "missing required Name field"
        known = self.Match in ("exact", "present", "regex")
        return "" if known else "match type should be one of present, exact, or regex"


class HTTPMatch(WireStruct, frozen=True, kw_only=True):
    """What a request must be like."""

    go_field_types: ClassVar[dict[str, str]] = {"Method": "structs.HTTPMatchMethod"}

    Headers: list[HTTPHeaderMatch] | None = None
    Method: str = ""
    Path: HTTPPathMatch = HTTPPathMatch()
    Query: list[HTTPQueryMatch] | None = None

    def normalized(self) -> "HTTPMatch":
        """The match with its method in upper case, and any path by default."""
        path = self.Path if self.Path.Match else HTTPPathMatch(Match="prefix", Value="/")
        return changed(self, Method=self.Method.upper(), Path=path)

    def fault(self) -> str:
        """What is wrong with it, as it goes behind ``Match[n], ``, "" if nothing is."""
        if self.Method and (fault := bad_method([self.Method])):
            return f"Method {fault}"
        for number, query in enumerate(self.Query or ()):
            if fault := query.fault():
                return f"Query[{number}], {fault}"
        for number, header in enumerate(self.Headers or ()):
            if fault := header.fault():
                return f"Headers[{number}], {fault}"
        fault = self.Path.fault()
        return f"Path, {fault}" if fault else ""


class HTTPHeaderFilter(WireStruct, frozen=True, kw_only=True):
    """Headers to add, remove and set."""

    Add: dict[str, str] | None = None
    Remove: list[str] | None = None
    Set: dict[str, str] | None = None


class PathRewrite(WireStruct, frozen=True, kw_only=True):
    """The path that replaces the matched one."""

    go_type: ClassVar[str] = "structs.URLRewrite"

    Path: str = ""


class Retries(WireStruct, frozen=True, kw_only=True):
    """When a request is tried again."""

    go_type: ClassVar[str] = "structs.RetryFilter"

    NumRetries: Uint32 = 0
    RetryOn: list[str] | None = None
    RetryOnStatusCodes: list[Uint32] | None = None
    RetryOnConnectFailure: bool = False


class Timeouts(WireStruct, frozen=True, kw_only=True):
    """How long a request may take."""

    go_type: ClassVar[str] = "structs.TimeoutFilter"

    RequestTimeout: Nanoseconds = 0
    IdleTimeout: Nanoseconds = 0


class JWTFilter(WireStruct, frozen=True, kw_only=True):
    """Tokens that a caller needs; Consul Enterprise only, so it has no fields."""


class HTTPFilters(WireStruct, frozen=True, kw_only=True):
    """What is done to a request."""

    Headers: list[HTTPHeaderFilter] | None = None
    URLRewrite: PathRewrite | None = None
    RetryFilter: Retries | None = None
    TimeoutFilter: Timeouts | None = None
    JWT: JWTFilter | None = None


class HTTPResponseFilters(WireStruct, frozen=True, kw_only=True):
    """What is done to a response."""

    Headers: list[HTTPHeaderFilter] | None = None


class HTTPService(WireStruct, frozen=True, kw_only=True):
    """A service that a rule sends to."""

    go_embeds_meta: ClassVar[bool] = True

    Name: str = ""
    Weight: int = 0
    Filters: HTTPFilters = HTTPFilters()
    ResponseFilters: HTTPResponseFilters = HTTPResponseFilters()


class HTTPRouteRule(WireStruct, frozen=True, kw_only=True):
    """Requests that match go to these services."""

    Filters: HTTPFilters = HTTPFilters()
    ResponseFilters: HTTPResponseFilters = HTTPResponseFilters()
    Matches: list[HTTPMatch] | None = None
    Services: list[HTTPService] | None = None


class HTTPRoute(ConfigEntry, frozen=True, kw_only=True):
    """Which HTTP requests of a gateway go where."""

    kind: ClassVar[str] = "http-route"
    go_type: ClassVar[str] = "structs.HTTPRouteConfigEntry"
    go_embeds_meta: ClassVar[bool] = True

    Kind: str = kind
    Name: str = ""
    Parents: list[ResourceReference] | None = None
    Rules: list[HTTPRouteRule] | None = None
    Hostnames: list[str] | None = None
    Meta: dict[str, str] | UnsetType = UNSET
    Status: EntryStatus = EntryStatus()
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def normalized(self) -> "HTTPRoute":
        """The entry with the kind of its parents, methods in upper case, paths and weights filled in."""
        rules = None if self.Rules is None else [_normalized(rule) for rule in self.Rules]
        return changed(self, Parents=parents_with_kind(self.Parents), Rules=rules)

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        for host in self.Hostnames or ():
            demand(is_domain_name(host), f"host {quote(host)} must be a valid DNS hostname")
            demand("*" not in host, f"host {quote(host)} must not be a wildcard")
        check_parents(self.Parents)
        check_meta(self.Meta)
        for number, rule in enumerate(self.Rules or ()):
            for nth, match in enumerate(rule.Matches or ()):
                if fault := match.fault():
                    raise InternalError(f"Rule[{number}], Match[{nth}], {fault}")


def _normalized(rule: HTTPRouteRule) -> HTTPRouteRule:
    matches = None if rule.Matches is None else [match.normalized() for match in rule.Matches]
    services = None
    if rule.Services is not None:
        services = [changed(one, Weight=one.Weight if one.Weight > 0 else 1) for one in rule.Services]
    return changed(rule, Matches=matches, Services=services)
