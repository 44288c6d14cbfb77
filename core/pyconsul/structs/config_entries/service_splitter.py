"""``service-splitter``: how the requests for a service are shared out."""

import math
import struct
from typing import ClassVar

from pyconsul.lang.strconv import quote
from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Float32,
    Uint64,
    check_meta,
    demand,
)
from pyconsul.structs.config_entries.header_modifiers import HTTPHeaderModifiers
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, OmitStr, UnsetType, WireStruct, changed

_WHOLE = 100 * 100  # hundredths of a percent


def _scaled(weight: float) -> int:
    """A weight in hundredths of a percent, rounded half away from zero, from a 32-bit number as Go has it."""
    value = _as_float32(_as_float32(weight) * 100)
    return math.floor(abs(value) + 0.5) * (-1 if value < 0 else 1)


def _as_float32(number: float) -> float:
    # Cut before it is packed, which fails for what 32 bits do not hold; such a sum is refused in any case.
    return float(struct.unpack("<f", struct.pack("<f", max(min(number, 3e38), -3e38)))[0])


class ServiceSplit(WireStruct, frozen=True, kw_only=True):
    """A share of a service's requests, in percent, and where it goes."""

    aliases: ClassVar[dict[str, str]] = {
        "service_subset": "ServiceSubset",
        "request_headers": "RequestHeaders",
        "response_headers": "ResponseHeaders",
    }

    Weight: Float32 = 0.0
    Service: OmitStr = UNSET
    ServiceSubset: OmitStr = UNSET
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET
    RequestHeaders: HTTPHeaderModifiers | UnsetType = UNSET
    ResponseHeaders: HTTPHeaderModifiers | UnsetType = UNSET


class ServiceSplitter(ConfigEntry, frozen=True, kw_only=True):
    """How the requests for a service are shared out."""

    kind: ClassVar[str] = "service-splitter"
    go_type: ClassVar[str] = "structs.ServiceSplitterConfigEntry"
    go_embeds_meta: ClassVar[bool] = True

    Kind: str = kind
    Name: str = ""
    Splits: list[ServiceSplit] | None = None
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def normalized(self) -> "ServiceSplitter":
        """The entry with weights rounded to hundredths of a percent."""
        splits = None
        if self.Splits is not None:
            splits = [changed(split, Weight=_scaled(split.Weight) / 100) for split in self.Splits]
        return changed(self, Kind=self.kind, Splits=splits)

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        demand(self.Name, "Name is required")
        demand(self.Splits, "no splits configured")
        check_meta(self.Meta)
        self._refuse_twins()
        total = sum(_scaled(split.Weight) for split in self.Splits or ())
        if total != _WHOLE:
            raise InternalError(f"the sum of all split weights must be 100, not {_as_float32(total / 100):f}")

    def _refuse_twins(self) -> None:
        seen: set[tuple[str, str, str, str]] = set()
        for split in self.Splits or ():
            # Go compares pointers to header changes: two that say the same are two.
            if split.RequestHeaders or split.ResponseHeaders:
                continue
            service, subset = split.Service or self.Name, split.ServiceSubset or ""
            namespace, partition = split.Namespace or "", split.Partition or ""
            if (key := (service, subset, namespace, partition)) in seen:
                raise InternalError(
                    f"split destination occurs more than once: service={quote(service)}, subset={quote(subset)}, "
                    f"namespace={quote(namespace)}, partition={quote(partition)}"
                )
            seen.add(key)

    def related(self) -> list[str]:
        """The other services that it sends to, sorted."""
        return sorted({split.Service or self.Name for split in self.Splits or ()} - {self.Name})
