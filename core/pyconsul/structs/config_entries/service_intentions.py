"""``service-intentions``: who may call a service."""

from typing import Any, ClassVar

from pyconsul.lang.strconv import quote
from pyconsul.structs.config_entries.entry import (
    META_VALUE_BYTES,
    WILDCARD,
    ConfigEntry,
    Uint64,
    bad_method,
    check_meta,
    demand,
    meta_faults,
    refuse,
)
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import (
    UNSET,
    GoTime,
    OmitBool,
    OmitStr,
    UnsetType,
    WireStruct,
    changed,
)

ACTIONS = ("allow", "deny")


def precedence(source: str, destination: str) -> int:
    """How exact an intention is: 9 for two names, 8 and 6 for one, 5 for any to any."""
    return (6 if destination == WILDCARD else 9) - (1 if source == WILDCARD else 0)


def wildcard_fault(name: str, peer: str = "") -> str:
    """Why a name or peer may not hold this ``*``, "" if it may."""
    if name != WILDCARD and WILDCARD in name:
        return "Name: wildcard character '*' cannot be used with partial values"
    return "Peer: cannot use wildcard '*' in peer" if WILDCARD in peer else ""


class IntentionJWTClaimVerification(WireStruct, frozen=True, kw_only=True):
    """A claim that a token must carry."""

    Path: list[str] | UnsetType = UNSET
    Value: OmitStr = UNSET


class IntentionJWTProvider(WireStruct, frozen=True, kw_only=True):
    """A provider whose tokens are taken, and the claims they need."""

    aliases: ClassVar[dict[str, str]] = {"verify_claims": "VerifyClaims"}
    go_field_types: ClassVar[dict[str, str]] = {"VerifyClaims": "[]*structs.IntentionJWTClaimVerification"}

    Name: OmitStr = UNSET
    VerifyClaims: list[IntentionJWTClaimVerification] | UnsetType = UNSET


class IntentionJWTRequirement(WireStruct, frozen=True, kw_only=True):
    """Which tokens a caller needs."""

    go_field_types: ClassVar[dict[str, str]] = {"Providers": "[]*structs.IntentionJWTProvider"}

    Providers: list[IntentionJWTProvider] | UnsetType = UNSET

    def check(self) -> None:
        """Raise InternalError for providers without a name."""
        refuse(["JWT provider name is required" for provider in self.Providers or () if not provider.Name])

    def names(self) -> list[str]:
        """The providers, in their order."""
        return [provider.Name or "" for provider in self.Providers or ()]


class IntentionHTTPHeaderPermission(WireStruct, frozen=True, kw_only=True):
    """What a header must be like."""

    aliases: ClassVar[dict[str, str]] = {"ignore_case": "IgnoreCase"}

    Name: str = ""
    Present: OmitBool = UNSET
    Exact: OmitStr = UNSET
    Prefix: OmitStr = UNSET
    Suffix: OmitStr = UNSET
    Contains: OmitStr = UNSET
    Regex: OmitStr = UNSET
    Invert: OmitBool = UNSET
    IgnoreCase: OmitBool = UNSET

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        if not self.Name:
            return "missing required Name field"
        parts = (self.Present, self.Exact, self.Regex, self.Prefix, self.Suffix, self.Contains)
        if sum(1 for part in parts if part) != 1:
            return "should only contain one of Present, Exact, Prefix, Suffix, Contains, or Regex"
        if self.IgnoreCase and (self.Present or self.Regex):
            return "should set one of Exact, Prefix, Suffix, or Contains when using IgnoreCase"
        return ""


class IntentionHTTPPermission(WireStruct, frozen=True, kw_only=True):
    """What an HTTP request must be like."""

    aliases: ClassVar[dict[str, str]] = {
        "path_exact": "PathExact",
        "path_prefix": "PathPrefix",
        "path_regex": "PathRegex",
    }

    PathExact: OmitStr = UNSET
    PathPrefix: OmitStr = UNSET
    PathRegex: OmitStr = UNSET
    Header: list[IntentionHTTPHeaderPermission] | UnsetType = UNSET
    Methods: list[str] | UnsetType = UNSET

    def fault(self) -> str:
        """What is wrong with it, as it goes behind ``…HTTP``, "" if nothing is."""
        for field, path in (("PathExact", self.PathExact), ("PathPrefix", self.PathPrefix)):
            if path and not path.startswith("/"):
                return f".{field} doesn't start with '/': {quote(path)}"
        paths = [path for path in (self.PathExact, self.PathPrefix, self.PathRegex) if path]
        if len(paths) > 1:
            return " should only contain at most one of PathExact, PathPrefix, or PathRegex"
        for number, header in enumerate(self.Header or ()):
            if fault := header.fault():
                return f".Header[{number}] {fault}"
        if fault := bad_method(self.Methods):
            return f".Methods {fault}"
        return "" if paths or self.Header or self.Methods else " should not be empty"


class IntentionPermission(WireStruct, frozen=True, kw_only=True):
    """Requests that are allowed or denied."""

    go_field_types: ClassVar[dict[str, str]] = {"Action": "structs.IntentionAction"}

    Action: str = ""
    HTTP: IntentionHTTPPermission | UnsetType = UNSET
    JWT: IntentionJWTRequirement | UnsetType = UNSET

    def check(self, place: str) -> None:
        """Raise InternalError with Consul's text for a permission that cannot be."""
        demand(self.Action in ACTIONS, f"{place}.Action must be set to 'allow' or 'deny'")
        if self.HTTP is UNSET:
            raise InternalError(f"{place}.HTTP is required")
        if fault := self.HTTP.fault():
            raise InternalError(f"{place}.HTTP{fault}")
        if self.JWT:
            self.JWT.check()


class SourceIntention(WireStruct, frozen=True, kw_only=True):
    """What one caller may do."""

    go_field_types: ClassVar[dict[str, str]] = {
        "Action": "structs.IntentionAction",
        "Type": "structs.IntentionSourceType",
    }
    go_embeds_meta: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {
        "legacy_id": "LegacyID",
        "legacy_meta": "LegacyMeta",
        "legacy_create_time": "LegacyCreateTime",
        "legacy_update_time": "LegacyUpdateTime",
        "sameness_group": "SamenessGroup",
    }

    Name: str = ""
    Action: OmitStr = UNSET
    Permissions: list[IntentionPermission] | UnsetType = UNSET
    Precedence: int = 0
    LegacyID: OmitStr = UNSET
    Type: str = ""
    Description: OmitStr = UNSET
    LegacyMeta: dict[str, str] | UnsetType = UNSET
    LegacyCreateTime: GoTime | UnsetType | None = UNSET
    LegacyUpdateTime: GoTime | UnsetType | None = UNSET
    Peer: OmitStr = UNSET
    SamenessGroup: OmitStr = UNSET

    def normalized(self, destination: str, *, legacy: bool) -> "SourceIntention":
        """The source with defaults, its precedence, and what only old intentions have taken out of new ones."""
        fields: dict[str, Any] = {
            "Type": self.Type or "consul",
            "Precedence": precedence(self.Name, destination),
            "Permissions": _upper_methods(self.Permissions),
        }
        if not legacy:  # but LegacyMeta stays: an entry with it is refused, so that nobody loses it unawares
            fields.update(LegacyID=UNSET, LegacyCreateTime=UNSET, LegacyUpdateTime=UNSET)
        return changed(self, **fields)

    def check(self, place: str, *, legacy: bool, wild: bool) -> None:
        """Raise InternalError for a source that cannot be; ``wild``: it may call any service."""
        demand(self.Name, f"{place}.Name is required")
        demand(not self.SamenessGroup, f"{place}.SamenessGroup: Sameness groups are a Consul Enterprise feature. ")
        if fault := wildcard_fault(self.Name, self.Peer or ""):
            raise InternalError(f"{place}.{fault}")
        demand(
            len((self.Description or "").encode()) <= META_VALUE_BYTES,
            f"{place}.Description exceeds maximum length {META_VALUE_BYTES}",
        )
        if legacy:
            self._check_legacy(place)
        else:
            demand(not self.LegacyMeta, f"{place}.LegacyMeta must be omitted")
        if legacy or not self.Permissions:
            demand((self.Action or "") in ACTIONS, f"{place}.Action must be set to 'allow' or 'deny'")
        if self.Permissions:
            demand(not self.Action, f"{place}.Action must be omitted if Permissions are specified")
            demand(
                not wild,
                f"{place}.Permissions cannot be specified on intentions with wildcarded destinations",
            )
        demand(self.Type == "consul", f"{place}.Type must be set to 'consul'")
        for number, permission in enumerate(self.Permissions or ()):
            permission.check(f"{place}.Permissions[{number}]")

    def _check_legacy(self, place: str) -> None:
        demand(not self.Peer, f"{place}.Peer cannot be set by legacy intentions")
        if faults := meta_faults(self.LegacyMeta):
            raise InternalError(f"{place}.{faults[0]}")
        demand(self.LegacyCreateTime, f"{place}.LegacyCreateTime must be set")
        demand(self.LegacyUpdateTime, f"{place}.LegacyUpdateTime must be set")
        demand(self.LegacyID, f"{place}.LegacyID must be set")


class ServiceIntentions(ConfigEntry, frozen=True, kw_only=True):
    """Who may call a service."""

    kind: ClassVar[str] = "service-intentions"
    go_type: ClassVar[str] = "structs.ServiceIntentionsConfigEntry"
    go_embeds_meta: ClassVar[bool] = True

    Kind: str = kind
    Name: str = ""
    Sources: list[SourceIntention] | None = None
    JWT: IntentionJWTRequirement | UnsetType = UNSET
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def normalized(self) -> "ServiceIntentions":
        """The entry with defaults, its sources in the order in which they count."""
        return self.normalized_as(legacy=False)

    def normalized_as(self, *, legacy: bool) -> "ServiceIntentions":
        """``normalized``; a legacy write keeps what only old intentions have."""
        sources = None
        if self.Sources is not None:
            sources = [source.normalized(self.Name, legacy=legacy) for source in self.Sources]
            sources.sort(key=lambda source: -source.Precedence)
        return changed(self, Kind=self.kind, Sources=sources)

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        self.check_as(legacy=False)

    def check_as(self, *, legacy: bool) -> None:
        """``check``; a legacy write needs an ID and times."""
        demand(self.Name, "Name is required")
        if fault := wildcard_fault(self.Name):
            raise InternalError(fault)
        if self.JWT:
            self.JWT.check()
        if legacy:
            demand(not self.Meta, "Meta must be omitted for legacy intention writes")
        else:
            check_meta(self.Meta)
        demand(self.Sources, "At least one source is required")
        seen: set[tuple[str, str]] = set()
        for number, source in enumerate(self.Sources or ()):
            place = f"Sources[{number}]"
            source.check(place, legacy=legacy, wild=self.Name == WILDCARD)
            peer = f"peer({quote(source.Peer)}) " if source.Peer else ""
            key = (source.Peer or "", source.Name)
            demand(key not in seen, f"{place} defines {peer}{quote(source.Name)} more than once")
            seen.add(key)

    @property
    def has_permissions(self) -> bool:
        """Whether any source is told apart by its requests."""
        return any(source.Permissions for source in self.Sources or ())

    def providers(self) -> list[str]:
        """The JWT providers that it names, each once, sorted."""
        found = set(self.JWT.names()) if self.JWT else set[str]()
        for source in self.Sources or ():
            for permission in source.Permissions or ():
                found.update(permission.JWT.names() if permission.JWT else ())
        return sorted(found)


def _upper_methods(
    permissions: list[IntentionPermission] | UnsetType,
) -> list[IntentionPermission] | UnsetType:
    if not permissions:
        return permissions
    found: list[IntentionPermission] = []
    for one in permissions:
        if one.HTTP and one.HTTP.Methods:
            http = changed(one.HTTP, Methods=[method.upper() for method in one.HTTP.Methods])
            found.append(changed(one, HTTP=http))
        else:
            found.append(one)
    return found
