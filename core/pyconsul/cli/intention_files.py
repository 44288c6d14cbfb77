"""Intentions in JSON files, read as Consul's API client reads them."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pyconsul.cli.console import Failed


class Intention(msgspec.Struct, frozen=True, kw_only=True):
    """What a file may say; other fields are passed over."""

    go_type: ClassVar[str] = "api.Intention"
    go_field_types: ClassVar[dict[str, str]] = {
        "Action": "api.IntentionAction",
        "SourceType": "api.IntentionSourceType",
    }

    ID: str = ""
    Description: str = ""
    SourceNS: str = ""
    SourceName: str = ""
    DestinationNS: str = ""
    DestinationName: str = ""
    SourcePartition: str = ""
    DestinationPartition: str = ""
    SourcePeer: str = ""
    SourceSamenessGroup: str = ""
    SourceType: str = ""
    Action: str = ""
    Permissions: list[Any] | None = None
    Meta: dict[str, str] | None = None


def intention_in(data: bytes) -> dict[str, Any]:
    """The fields that a file sets. Raises Failed with what Go says about the JSON."""
    from pyconsul.lang.gojson_syntax import GoSyntaxError
    from pyconsul.structs.godecode import DecodeError, into, parse

    try:
        found = into(parse(data), Intention, strict=False)
    except (GoSyntaxError, DecodeError) as error:
        raise Failed(f"Error: {error}") from error
    return {name: value for name, value in msgspec.structs.asdict(found).items() if value}
