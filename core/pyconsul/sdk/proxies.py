"""The proxy between this client and an agent, where the environment names one; Consul's client goes through it, too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyconsul.sdk.endpoint import Endpoint

if TYPE_CHECKING:
    from pyconsul.lang.goproxy import Proxy

_VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")


def proxy_of(endpoint: Endpoint) -> Proxy | None:
    """The proxy on the way to an agent; None for none. Agents on this machine are reached directly."""
    if endpoint.unix_path or not any(os.environ.get(name) for name in _VARIABLES):
        return None
    from pyconsul.lang.goproxy import proxy_for  # most command lines meet no proxy, and start sooner without

    return proxy_for(endpoint.scheme, endpoint.host, endpoint.port, os.environ)
