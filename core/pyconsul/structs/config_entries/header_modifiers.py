"""Changes to the headers of requests and responses."""

from pyconsul.structs.config_entries.entry import HTTP_LIKE
from pyconsul.structs.wire import UNSET, UnsetType, WireStruct


class HTTPHeaderModifiers(WireStruct, frozen=True, kw_only=True):
    """Headers to add, set and remove."""

    Add: dict[str, str] | UnsetType = UNSET
    Set: dict[str, str] | UnsetType = UNSET
    Remove: list[str] | UnsetType = UNSET

    def fault(self, protocol: str) -> str:
        """Why headers cannot be changed for this protocol, "" if they can."""
        if not (self.Add or self.Set or self.Remove) or protocol in HTTP_LIKE:
            return ""
        return "only valid for http, http2 and grpc protocols"
