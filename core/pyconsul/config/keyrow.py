"""The shape of one row of the table of configuration keys."""

from __future__ import annotations

import enum

import msgspec


class Kind(enum.Enum):
    """What a key holds; the value is the word for it in the reference page."""

    BOOL = "bool"
    STRING = "string"
    DURATION = "duration"  # text such as "1m30s" in files and flags
    INT = "integer"
    UINT = "non-negative integer"
    UINT32 = "non-negative integer (32 bits)"
    UINT64 = "non-negative integer (64 bits)"
    NUMBER = "number"
    TIME = "time"  # of the build: mapstructure reads no text as Go's time.Time, only an object without members
    STRINGS = "list of strings"
    MAP = "map of strings"
    HEADERS = "map of lists of strings"
    OBJECT = "object"
    OBJECTS = "list of objects"


Default = bool | int | float | str | None


class Key(msgspec.Struct, frozen=True):
    """One configuration key.

    ``default`` holds unless something is set, ``dev`` instead of it with ``-dev``; ``fixed`` is a value that nobody
    can change. ``flag`` is the command-line flag without its dash. ``reload`` says that a reload takes the key over.
    ``instead`` is the key that replaces a deprecated one, ``alias`` another accepted spelling, ``shown`` the place
    in ``DebugConfig`` of ``/v1/agent/self`` where the effective value appears.
    """

    name: str
    kind: Kind
    doc: str = ""
    default: Default = None
    dev: Default = None
    fixed: Default = None
    flag: str = ""
    reload: bool = False
    secret: bool = False
    enterprise: bool = False
    instead: str = ""
    alias: str = ""
    shown: str = ""
