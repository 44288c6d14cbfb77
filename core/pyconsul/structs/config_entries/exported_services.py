"""``exported-services``: which services peers may use."""

from typing import ClassVar

from pyconsul.structs.config_entries.entry import WILDCARD, ConfigEntry, Uint64, check_meta, demand
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, Indexed, OmitStr, UnsetType, WireStruct, changed


class ServiceConsumer(WireStruct, frozen=True, kw_only=True):
    """Who may use an exported service."""

    aliases: ClassVar[dict[str, str]] = {"peer_name": "Peer", "sameness_group": "SamenessGroup"}

    Partition: OmitStr = UNSET
    Peer: OmitStr = UNSET
    SamenessGroup: OmitStr = UNSET


class ExportedService(WireStruct, frozen=True, kw_only=True):
    """A service that others may use."""

    Name: str = ""
    Namespace: OmitStr = UNSET
    Consumers: list[ServiceConsumer] | UnsetType = UNSET

    def fault(self) -> str:
        """What is wrong with it, as it goes behind ``Services[n]``, "" if nothing is."""
        if not self.Name:
            return ": service name cannot be empty"
        if not self.Consumers:
            return ": must have at least one consumer"
        for number, one in enumerate(self.Consumers):
            if sum(1 for part in (one.Peer, one.Partition, one.SamenessGroup) if part) > 1:
                text = "must define at most one of Peer, Partition, or SamenessGroup"
            elif one.Partition == WILDCARD:
                text = "exporting to all partitions (wildcard) is not supported"
            elif one.Peer == WILDCARD:
                text = "exporting to all peers (wildcard) is not supported"
            else:
                continue
            return f".Consumers[{number}]: {text}"
        return ""


class ExportedServices(ConfigEntry, frozen=True, kw_only=True):
    """Which services peers may use."""

    kind: ClassVar[str] = "exported-services"
    go_type: ClassVar[str] = "structs.ExportedServicesConfigEntry"
    go_names: ClassVar[dict[str, str]] = {"Kind": ""}  # only JSON names the kind
    go_embeds_meta: ClassVar[bool] = True

    Kind: str = kind
    Name: str = ""
    Services: list[ExportedService] | UnsetType = UNSET
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def normalized(self) -> "ExportedServices":
        """The entry without namespaces, which the community edition takes and forgets."""
        if not self.Services:
            return self
        return changed(self, Services=[changed(service, Namespace=UNSET) for service in self.Services])

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        demand(self.Name == "default", 'exported-services Name must be "default"')
        check_meta(self.Meta)
        for number, service in enumerate(self.Services or ()):
            for nth, consumer in enumerate(service.Consumers or ()):
                place = f"Services[{number}].Consumers[{nth}]"
                demand(not consumer.SamenessGroup, f"{place}: sameness-groups are an enterprise-only feature")
        for number, service in enumerate(self.Services or ()):
            if fault := service.fault():
                raise InternalError(f"Services[{number}]{fault}")


class ResolvedConsumers(WireStruct, frozen=True, kw_only=True):
    """Who may use an exported service, sorted."""

    Peers: list[str] | UnsetType = UNSET


class ResolvedExportedService(WireStruct, frozen=True, kw_only=True):
    """An exported service after wildcards were replaced by names."""

    Service: str = ""
    Consumers: ResolvedConsumers = ResolvedConsumers()


class IndexedExportedServices(Indexed, frozen=True, kw_only=True):
    """All of them, by name."""

    Services: list[ResolvedExportedService] | None = None
