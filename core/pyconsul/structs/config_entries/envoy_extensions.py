"""``EnvoyExtensions``: what can be said about an extension before a proxy uses it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol

from pyconsul.lang.strconv import NumberSyntaxError, parse_int, quote
from pyconsul.structs.config_entries.loose import MisfitError, read_struct
from pyconsul.structs.connect_proxy import EnvoyExtension
from pyconsul.structs.envoy_extensions.ext_authz import ExtAuthz
from pyconsul.structs.envoy_extensions.otel_access_logging import OtelAccessLogging
from pyconsul.structs.envoy_extensions.property_override import PropertyOverride
from pyconsul.structs.envoy_extensions.reading import ArgumentsError, read
from pyconsul.structs.envoy_extensions.small import AwsLambda, Lua
from pyconsul.structs.envoy_extensions.wasm import Wasm
from pyconsul.structs.wire import UnsetType


class _Extension(Protocol):
    """The typed arguments of an extension."""

    def refusal(self) -> str:
        """What is wrong with them, "" if nothing is."""
        ...


def _read_override(arguments: Mapping[str, Any]) -> PropertyOverride:
    found, _ = read_struct(PropertyOverride, arguments)
    return found


_EXTENSIONS: Final[dict[str, Callable[[Mapping[str, Any]], _Extension]]] = {
    "builtin/aws/lambda": partial(read, AwsLambda),
    "builtin/ext-authz": partial(read, ExtAuthz),
    "builtin/lua": partial(read, Lua),
    "builtin/otel-access-logging": partial(read, OtelAccessLogging),
    "builtin/property-override": _read_override,
    "builtin/wasm": partial(read, Wasm),
}
# These put no words of their own before what the decoder says.
_TERSE: Final = frozenset(("builtin/ext-authz", "builtin/otel-access-logging"))
# One of the constraints between commas, as hashicorp/go-version takes it: operator, numbers, pre-release, metadata.
_WORDS = r"[0-9A-Za-z~-]*(?:\.[0-9A-Za-z~-]+)*"
_CONSTRAINT: Final = re.compile(
    r"[\t\n\f\r ]*(?:=|!=|>|<|>=|<=|~>)?[\t\n\f\r ]*v?(?P<numbers>[0-9]+(?:\.[0-9]+)*)"
    rf"(?:-[0-9]{_WORDS}|-?[A-Za-z~-]{_WORDS})?(?:\+[0-9A-Za-z~-]{_WORDS})?[\t\n\f\r ]*"
)


def extension_faults(extensions: list[EnvoyExtension] | UnsetType) -> list[str]:
    """What is wrong with these extensions, one text each."""
    found: list[str] = []
    for number, one in enumerate(extensions or ()):
        if not one.Name:
            found.append(f"invalid EnvoyExtensions[{number}]: Name is required")
        elif fault := _version_fault(one.EnvoyVersion):
            found.append(f"invalid EnvoyExtensions[{number}].EnvoyVersion: {fault}")
        elif fault := _version_fault(one.ConsulVersion):
            found.append(f"invalid EnvoyExtensions[{number}].ConsulVersion: {fault}")
        elif fault := _fault(one):
            found.append(f"invalid EnvoyExtensions[{number}][{one.Name}]: {fault}")
    return found


def _fault(extension: EnvoyExtension) -> str:
    if (reader := _EXTENSIONS.get(extension.Name)) is None:
        return f"name {quote(extension.Name)} is not a built-in extension"
    try:
        return reader(extension.Arguments or {}).refusal()
    except (ArgumentsError, MisfitError) as error:
        return f"{'' if extension.Name in _TERSE else 'error decoding extension arguments: '}{error}"


def _version_fault(constraints: str) -> str:
    for one in constraints.split(",") if constraints else ():
        match = _CONSTRAINT.fullmatch(one)
        if match is None:
            return f"Malformed constraint: {one}"
        try:
            for number in match["numbers"].split("."):
                parse_int(number)
        except NumberSyntaxError as error:
            return f"Error parsing version: {error}"
    return ""
