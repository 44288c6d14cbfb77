"""What all kinds of config entries share.

An entry is the JSON of the HTTP API, the msgpack of log and snapshots, and the row in memory. Classes are called as in
Go, or say what Go calls them (``go_type``), for Consul's ``Hash`` of an entry runs over those names. Class variables:
``aliases`` are the snake_case spellings that input may use, ``client_aliases`` those of Consul's API client where it
has others; ``go_embeds_meta`` marks the types into which Go embeds the (here empty) namespace, which the hash takes in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self, TypeAlias

from msgspec import Meta

from pyconsul.lang.strconv import quote
from pyconsul.primitives.multierror import multi_error
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, UnsetType, WireStruct

# Go's number types, where they are not int (64 bits) or float64: their width counts in the hash.
Uint32: TypeAlias = Annotated[int, Meta(extra={"go": "uint32"})]
Uint64: TypeAlias = Annotated[int, Meta(extra={"go": "uint64"})]
Float32: TypeAlias = Annotated[float, Meta(extra={"go": "float32"})]
# A duration that shows as a number; input may be text such as "10s".
Nanoseconds: TypeAlias = Annotated[int, Meta(extra={"go": "nanoseconds"})]

WILDCARD: Final = "*"
META_PAIRS: Final = 64
META_KEY_BYTES: Final = 128
META_VALUE_BYTES: Final = 512
_HTTP_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"))
HTTP_LIKE: Final = frozenset(("http", "http2", "grpc"))


class ConfigEntry(WireStruct, frozen=True, kw_only=True):
    """Base of all kinds; each declares its fields in the order of its JSON."""

    kind: ClassVar[str] = ""

    if TYPE_CHECKING:  # declared by each kind at its place
        Kind: str = ""
        Meta: dict[str, str] | UnsetType = UNSET
        Hash: Uint64 | UnsetType = UNSET
        CreateIndex: int = 0
        ModifyIndex: int = 0

    @property
    def name(self) -> str:
        """Its name; kinds of which there is one entry only have a fixed one."""
        return str(getattr(self, "Name", ""))

    def normalized(self) -> Self:
        """The entry with defaults filled in. Raises InternalError for what cannot be made right."""
        return self

    def check(self) -> None:
        """Raise InternalError, with Consul's text, for an entry that may not be stored."""

    def warnings(self) -> list[str]:
        """What is better otherwise in an entry that may be stored, one text each."""
        return []

    def go_extra(self) -> dict[str, Any]:
        """Fields that Go's struct has and JSON has not, with their values."""
        return {}


def meta_faults(meta: dict[str, str] | UnsetType) -> list[str]:
    """What is wrong with an entry's metadata, one line each."""
    pairs = meta or {}
    faults = [f"Meta exceeds maximum element count {META_PAIRS}"] if len(pairs) > META_PAIRS else []
    for key, value in pairs.items():
        if len(key.encode()) > META_KEY_BYTES:
            faults.append(f"Meta key {quote(key)} exceeds maximum length {META_KEY_BYTES}")
        if len(value.encode()) > META_VALUE_BYTES:
            faults.append(f"Meta value for key {quote(key)} exceeds maximum length {META_VALUE_BYTES}")
    return faults


def check_meta(meta: dict[str, str] | UnsetType) -> None:
    """Raise InternalError for metadata that is too large."""
    refuse(meta_faults(meta))


def refuse(faults: list[str]) -> None:
    """Raise InternalError with all faults in go-multierror's layout, if there are any."""
    if faults:
        raise InternalError(multi_error(faults))


def demand(claim: object, text: str) -> None:
    """Raise InternalError with this text unless the claim holds."""
    if not claim:
        raise InternalError(text)


def bad_method(methods: list[str] | UnsetType | None) -> str:
    """What is wrong with a list of HTTP methods, "" if nothing is."""
    seen: set[str] = set()
    for method in methods or ():
        if method not in _HTTP_METHODS:
            return f"contains an invalid method {quote(method)}"
        if method in seen:
            return f"contains {quote(method)} more than once"
        seen.add(method)
    return ""


def is_balance(text: str | UnsetType) -> bool:
    """Whether connections can be balanced this way."""
    return not text or text == "exact_balance"
