"""What extensions have in common that put a filter into a listener, and how their faults are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyconsul.lang.strconv import quote
from pyconsul.primitives.multierror import multi_error

CONNECT_PROXY: Final = "connect-proxy"
LISTENERS: Final = ("inbound", "outbound")


def proxy_faults(kind: str) -> list[str]:
    """Left out, it is the sidecar proxy; others have no use for these extensions."""
    if kind in ("", CONNECT_PROXY):
        return []
    return [f"unsupported ProxyType {quote(kind)}, only {quote(CONNECT_PROXY)} is supported"]


def listener_faults(listener: str) -> list[str]:
    """Left out, it is the one for incoming connections."""
    if listener in ("", *LISTENERS):
        return []
    return [f'unexpected ListenerType {quote(listener)}, supported values are "inbound" or "outbound"']


def listed(faults: Sequence[str]) -> str:
    """All faults in one text, "" if there are none."""
    return multi_error(faults) if faults else ""
