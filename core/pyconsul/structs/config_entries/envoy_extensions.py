"""``EnvoyExtensions``: what can be said about an extension before a proxy uses it.

Names are checked, and of the arguments that something is there to begin with; the rest belongs to whoever makes
resources for Envoy.
"""

from pyconsul.lang.strconv import quote
from pyconsul.primitives.multierror import multi_error
from pyconsul.structs.connect_proxy import EnvoyExtension
from pyconsul.structs.wire import UnsetType

EXTENSIONS = frozenset(
    f"builtin/{name}" for name in ("aws/lambda", "ext-authz", "lua", "otel-access-logging", "property-override", "wasm")
)
_EXT_AUTHZ = "builtin/ext-authz"


def extension_faults(extensions: list[EnvoyExtension] | UnsetType) -> list[str]:
    """What is wrong with these extensions, one text each."""
    found: list[str] = []
    for number, one in enumerate(extensions or ()):
        if not one.Name:
            found.append(f"invalid EnvoyExtensions[{number}]: Name is required")
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
