"""``MutualTLSMode``: whether a proxy takes connections without mutual TLS."""

from pyconsul.lang.strconv import quote
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UnsetType

PERMISSIVE = "permissive"


def check_mutual_tls_mode(mode: str | UnsetType) -> None:
    """Raise InternalError with Consul's text for a mode that does not exist."""
    if mode and mode not in ("strict", PERMISSIVE):
        raise InternalError(f'Invalid MutualTLSMode {quote(mode)}. Must be one of "", "strict", or "{PERMISSIVE}".')
