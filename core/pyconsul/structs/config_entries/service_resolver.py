"""``service-resolver``: which instances answer for a service, and who answers instead."""

import re
from collections.abc import Callable
from typing import ClassVar

from pyconsul.lang import bexpr
from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import parse_duration
from pyconsul.structs.config_entries.entry import WILDCARD, ConfigEntry, Nanoseconds, Uint32, Uint64, check_meta, demand
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, GoDuration, OmitBool, OmitStr, UnsetType, WireStruct, changed

_SUBSET_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_SUBSET_BYTES = 63
_POLICIES = ("", "random", "round_robin", "least_request", "ring_hash", "maglev")
_HASH_BASED = ("ring_hash", "maglev")
_HASH_FIELDS = ("header", "cookie", "query_parameter")
_MODES = ("", "sequential", "order-by-locality")


def _subset_name_fault(name: str) -> str:
    if not name or len(name.encode()) > _SUBSET_BYTES:
        return f"must be non-empty and {_SUBSET_BYTES} characters or fewer"
    if not _SUBSET_NAME.fullmatch(name):
        return (
            f"must be {_SUBSET_BYTES} characters or fewer, begin or end with lower case alphanumeric characters, "
            "and contain lower case alphanumeric characters or '-' in between"
        )
    return ""


def _first(rules: list[tuple[object, str]]) -> str:
    """The text of the first rule that is broken."""
    return next((text for broken, text in rules if broken), "")


class ServiceResolverSubset(WireStruct, frozen=True, kw_only=True):
    """Instances of a service that a filter selects."""

    aliases: ClassVar[dict[str, str]] = {"only_passing": "OnlyPassing"}

    Filter: OmitStr = UNSET
    OnlyPassing: OmitBool = UNSET


class ServiceResolverRedirect(WireStruct, frozen=True, kw_only=True):
    """The service that answers instead."""

    aliases: ClassVar[dict[str, str]] = {"service_subset": "ServiceSubset"}
    client_aliases: ClassVar[dict[str, str]] = {**aliases, "sameness_group": "SamenessGroup"}

    Service: OmitStr = UNSET
    ServiceSubset: OmitStr = UNSET
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET
    Datacenter: OmitStr = UNSET
    Peer: OmitStr = UNSET
    SamenessGroup: OmitStr = UNSET

    def fault(self, own: str, is_subset: Callable[[str], bool]) -> str:
        """What is wrong with it in the entry of ``own``, "" if nothing is."""
        peer, subset = self.Peer, self.ServiceSubset
        inside = subset and (not self.Service or self.Service == own)
        return _first(
            [
                (self.Partition, "Redirect: Setting Partition requires Consul Enterprise"),
                (self.Namespace, "Redirect: Setting Namespace requires Consul Enterprise"),
                (self.SamenessGroup, "Redirect: Setting SamenessGroup requires Consul Enterprise"),
                (not (self.Service or subset or self.Datacenter or peer), "Redirect is empty"),
                (peer and subset, "Redirect.Peer cannot be set with Redirect.ServiceSubset"),
                (peer and self.Datacenter, "Redirect.Peer cannot be set with Redirect.Datacenter"),
                (not self.Service and subset, "Redirect.ServiceSubset defined without Redirect.Service"),
                (not self.Service and peer, "Redirect.Peer defined without Redirect.Service"),
                (
                    inside and not is_subset(subset or ""),
                    f"Redirect.ServiceSubset {quote(subset or '')} is not a valid subset of {quote(own)}",
                ),
            ]
        )


class ServiceResolverFailoverTarget(WireStruct, frozen=True, kw_only=True):
    """One place to go when no instance is healthy."""

    aliases: ClassVar[dict[str, str]] = {"service_subset": "ServiceSubset"}

    Service: OmitStr = UNSET
    ServiceSubset: OmitStr = UNSET
    Partition: OmitStr = UNSET
    Namespace: OmitStr = UNSET
    Datacenter: OmitStr = UNSET
    Peer: OmitStr = UNSET

    def fault(self, own: str, is_subset: Callable[[str], bool]) -> str:
        """What is wrong with it in the entry of ``own``, "" if nothing is."""
        subset = self.ServiceSubset
        inside = subset and (not self.Service or self.Service == own)
        return _first(
            [
                (self.Partition, "Setting Partition requires Consul Enterprise"),
                (self.Namespace, "Setting Namespace requires Consul Enterprise"),
                (self.Peer and subset, "Peer cannot be set with ServiceSubset"),
                (self.Peer and self.Datacenter, "Peer cannot be set with Datacenter"),
                (
                    inside and not is_subset(subset or ""),
                    f"ServiceSubset {quote(subset or '')} is not a valid subset of {quote(own)}",
                ),
            ]
        )


class ServiceResolverFailoverPolicy(WireStruct, frozen=True, kw_only=True):
    """In which order targets are tried."""

    Mode: OmitStr = UNSET
    Regions: list[str] | UnsetType = UNSET

    def check(self) -> None:
        """Raise InternalError for a mode that does not exist."""
        demand(
            (self.Mode or "") in _MODES,
            "Failover-policy mode must be one of '', 'sequential', or 'order-by-locality'",
        )


class ServiceResolverFailover(WireStruct, frozen=True, kw_only=True):
    """Where to go when no instance is healthy."""

    aliases: ClassVar[dict[str, str]] = {"service_subset": "ServiceSubset"}
    client_aliases: ClassVar[dict[str, str]] = {**aliases, "sameness_group": "SamenessGroup"}

    Service: OmitStr = UNSET
    ServiceSubset: OmitStr = UNSET
    Namespace: OmitStr = UNSET
    Datacenters: list[str] | UnsetType = UNSET
    Targets: list[ServiceResolverFailoverTarget] | UnsetType = UNSET
    Policy: ServiceResolverFailoverPolicy | UnsetType = UNSET
    SamenessGroup: OmitStr = UNSET

    def fault(self, own: str, key: str, is_subset: Callable[[str], bool]) -> str:
        """What is wrong with it, as it goes behind ``Bad Failover["key"]``, "" if nothing is."""
        subset = self.ServiceSubset
        inside = subset and (not self.Service or self.Service == own)
        empty = not (self.Service or subset or self.Datacenters or self.Targets)
        fields = "Service, ServiceSubset, Namespace, Targets, SamenessGroup, or Datacenters"
        found = _first(
            [
                (self.Namespace, ": Setting Namespace requires Consul Enterprise"),
                (self.SamenessGroup, ": Setting SamenessGroup requires Consul Enterprise"),
                (key != WILDCARD and not is_subset(key), ": not a valid subset subset"),
                (empty, f": one of {fields} is required"),
                (self.Policy and self.Policy.Mode, ": Setting failover policies requires Consul Enterprise"),
                (
                    inside and not is_subset(subset or ""),
                    f": ServiceSubset {quote(subset or '')} is not a valid subset of {quote(self.Service or '')}",
                ),
                (self.Datacenters and self.Targets, ": Targets cannot be set with Datacenters"),
                (subset and self.Targets, ": Targets cannot be set with ServiceSubset"),
                (self.Service and self.Targets, ": Targets cannot be set with Service"),
            ]
        )
        if found:
            return found
        for number, target in enumerate(self.Targets or ()):
            if fault := target.fault(own, is_subset):
                return f".Targets[{number}]: {fault}"
        return ".Datacenters: found empty datacenter" if "" in (self.Datacenters or ()) else ""

    def services(self, own: str) -> list[str]:
        """The services that it leads to; those of peers are not known here."""
        if not self.Targets:
            return [self.Service or own]
        return [target.Service or own for target in self.Targets if not target.Peer]


class ServiceResolverPrioritizeByLocality(WireStruct, frozen=True, kw_only=True):
    """Near instances first; Consul Enterprise only."""

    Mode: OmitStr = UNSET

    def check(self) -> None:
        """Raise InternalError for any setting: the community edition has none."""
        demand(not self.Mode, "Prioritize-by-locality requires Consul Enterprise ")


class HashCookie(WireStruct, frozen=True, kw_only=True):
    """The cookie that a hash policy hands out."""

    go_type: ClassVar[str] = "structs.CookieConfig"

    Session: OmitBool = UNSET
    TTL: Nanoseconds | UnsetType = UNSET
    Path: OmitStr = UNSET


class HashPolicy(WireStruct, frozen=True, kw_only=True):
    """What of a request decides on the instance."""

    aliases: ClassVar[dict[str, str]] = {
        "field_value": "FieldValue",
        "cookie_config": "CookieConfig",
        "source_ip": "SourceIP",
    }

    Field: OmitStr = UNSET
    FieldValue: OmitStr = UNSET
    CookieConfig: HashCookie | UnsetType = UNSET
    SourceIP: OmitBool = UNSET
    Terminal: OmitBool = UNSET

    def fault(self) -> str:
        """What is wrong with it, as it goes behind the number, "" if nothing is."""
        field, value, cookie = self.Field or "", self.FieldValue, self.CookieConfig
        return _first(
            [
                (field and field not in _HASH_FIELDS, f"{quote(field)} is not a supported field"),
                (
                    self.SourceIP and field,
                    f"A single hash policy cannot hash both a source address and a {quote(field)}",
                ),
                (self.SourceIP and value, "A FieldValue cannot be specified when hashing SourceIP"),
                (field and not value, f"Field {quote(field)} was specified without a FieldValue"),
                (value and not field, "FieldValue requires a Field to apply to"),
                (cookie and field != "cookie", f"cookie_config provided for {quote(field)}"),
                (cookie and cookie.Session and cookie.TTL, "a session cookie cannot have an associated TTL"),
            ]
        )


class RingHashSizes(WireStruct, frozen=True, kw_only=True):
    """Sizes of a hash ring."""

    go_type: ClassVar[str] = "structs.RingHashConfig"
    aliases: ClassVar[dict[str, str]] = {"minimum_ring_size": "MinimumRingSize", "maximum_ring_size": "MaximumRingSize"}

    MinimumRingSize: Uint64 | UnsetType = UNSET
    MaximumRingSize: Uint64 | UnsetType = UNSET


class LeastRequestChoices(WireStruct, frozen=True, kw_only=True):
    """How many instances are compared."""

    go_type: ClassVar[str] = "structs.LeastRequestConfig"
    aliases: ClassVar[dict[str, str]] = {"choice_count": "ChoiceCount"}

    ChoiceCount: Uint32 | UnsetType = UNSET


class LoadBalancing(WireStruct, frozen=True, kw_only=True):
    """How requests are spread over instances."""

    go_type: ClassVar[str] = "structs.LoadBalancer"
    aliases: ClassVar[dict[str, str]] = {
        "ring_hash_config": "RingHashConfig",
        "least_request_config": "LeastRequestConfig",
        "hash_policies": "HashPolicies",
    }

    Policy: OmitStr = UNSET
    RingHashConfig: RingHashSizes | UnsetType = UNSET
    LeastRequestConfig: LeastRequestChoices | UnsetType = UNSET
    HashPolicies: list[HashPolicy] | UnsetType = UNSET

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        policy = self.Policy or ""
        misplaced = "specified for incompatible load balancing policy"
        unhashed = "specified for non-hash-based Policy:"
        found = _first(
            [
                (policy not in _POLICIES, f"Bad LoadBalancer policy: {quote(policy)} is not supported"),
                (
                    policy != "ring_hash" and self.RingHashConfig is not UNSET,
                    f"Bad LoadBalancer configuration. RingHashConfig {misplaced} {quote(policy)}",
                ),
                (
                    policy != "least_request" and self.LeastRequestConfig is not UNSET,
                    f"Bad LoadBalancer configuration. LeastRequestConfig {misplaced} {quote(policy)}",
                ),
                (
                    policy not in _HASH_BASED and self.HashPolicies,
                    f"Bad LoadBalancer configuration: HashPolicies {unhashed} {quote(policy)}",
                ),
            ]
        )
        if found:
            return found
        for number, one in enumerate(self.HashPolicies or ()):
            if fault := one.fault():
                return f"Bad LoadBalancer HashPolicy[{number}]: {fault}"
        return ""


class ServiceResolver(ConfigEntry, frozen=True, kw_only=True):
    """Which instances answer for a service."""

    kind: ClassVar[str] = "service-resolver"
    go_type: ClassVar[str] = "structs.ServiceResolverConfigEntry"
    go_embeds_meta: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {
        "default_subset": "DefaultSubset",
        "prioritize_by_locality": "PrioritizeByLocality",
        "connect_timeout": "ConnectTimeout",
        "request_timeout": "RequestTimeout",
        "load_balancer": "LoadBalancer",
    }

    # Go's marshaller writes durations that it turns into text before all other fields.
    ConnectTimeout: GoDuration | UnsetType = UNSET
    RequestTimeout: GoDuration | UnsetType = UNSET
    Kind: str = kind
    Name: str = ""
    DefaultSubset: OmitStr = UNSET
    Subsets: dict[str, ServiceResolverSubset] | UnsetType = UNSET
    Redirect: ServiceResolverRedirect | UnsetType = UNSET
    Failover: dict[str, ServiceResolverFailover] | UnsetType = UNSET
    PrioritizeByLocality: ServiceResolverPrioritizeByLocality | UnsetType = UNSET
    LoadBalancer: LoadBalancing | UnsetType = UNSET
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def is_subset(self, name: str) -> bool:
        """Whether the entry defines this subset."""
        return name in (self.Subsets or {})

    def normalized(self) -> "ServiceResolver":
        """The entry as it is, its kind filled in."""
        return changed(self, Kind=self.kind)

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        demand(self.Name, "Name is required")
        check_meta(self.Meta)
        for name, subset in (self.Subsets or {}).items():
            _check_subset(name, subset)
        default = self.DefaultSubset or ""
        demand(not default or self.is_subset(default), f"DefaultSubset {quote(default)} is not a valid subset")
        if self.PrioritizeByLocality:
            self.PrioritizeByLocality.check()
        self._check_targets()
        for field, text in (("ConnectTimeout", self.ConnectTimeout), ("RequestTimeout", self.RequestTimeout)):
            demand(not text or parse_duration(text) >= 0, f"Bad {field} '{text}', must be >= 0")
        if self.LoadBalancer and (fault := self.LoadBalancer.fault()):
            raise InternalError(fault)

    def _check_targets(self) -> None:
        if self.Redirect is not UNSET:
            redirect = self.Redirect
            enterprise = redirect.Partition or redirect.Namespace or redirect.SamenessGroup
            if self.Failover and not enterprise:  # Consul looks for what only Enterprise has first
                raise InternalError("Redirect and Failover cannot both be set")
            if fault := redirect.fault(self.Name, self.is_subset):
                raise InternalError(fault)
        for key, failover in (self.Failover or {}).items():
            if fault := failover.fault(self.Name, key, self.is_subset):
                raise InternalError(f"Bad Failover[{quote(key)}]{fault}")
            if failover.Policy:
                failover.Policy.check()

    def related(self) -> list[str]:
        """The other services that it leads to, sorted."""
        found = {self.Redirect.Service or self.Name} if self.Redirect else set[str]()
        for failover in (self.Failover or {}).values():
            found.update(failover.services(self.Name))
        return sorted(found - {self.Name})


def _check_subset(name: str, subset: ServiceResolverSubset) -> None:
    demand(name, "Subset defined with empty name")
    if fault := _subset_name_fault(name):
        raise InternalError(f"Subset {quote(name)} is invalid: {fault}")
    if subset.Filter:
        try:
            bexpr.check_filter(subset.Filter)
        except bexpr.FilterError as error:
            raise InternalError(f"Filter for subset {quote(name)} is not a valid expression: {error}") from error
