"""``EnvoyExtensions``: what can be said about an extension before a proxy uses it.

Names are checked, and of the arguments that something is there to begin with; the rest belongs to whoever makes
resources for Envoy.
"""

import re
from typing import Final

from pyconsul.lang.strconv import NumberSyntaxError, parse_int, quote
from pyconsul.primitives.multierror import multi_error
from pyconsul.structs.connect_proxy import EnvoyExtension
from pyconsul.structs.wire import UnsetType

EXTENSIONS = frozenset(
    f"builtin/{name}" for name in ("aws/lambda", "ext-authz", "lua", "otel-access-logging", "property-override", "wasm")
)
_EXT_AUTHZ = "builtin/ext-authz"
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
    if extension.Name not in EXTENSIONS:
        return f"name {quote(extension.Name)} is not a built-in extension"
    if extension.Name == _EXT_AUTHZ:
        settings = (extension.Arguments or {}).get("Config")
        services = [key for key in ("GrpcService", "HttpService") if isinstance(settings, dict) and key in settings]
        if len(services) != 1:
            return multi_error(["exactly one of GrpcService or HttpService must be set"])
    return ""


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
