"""TLS of outgoing checks: anybody's certificate authorities, or the agent's own with its certificate."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyconsul.agent.checks.runner import plain_tls
from pyconsul.agent.tls_files import read_tls_files
from pyconsul.structs.checks import CheckType

if TYPE_CHECKING:
    from pyconsul.config.runtime import RuntimeConfig

__all__ = ["check_tls"]


def check_tls(config: RuntimeConfig) -> Callable[[CheckType], ssl.SSLContext]:
    """How checks make their context: with ``enable_agent_tls_for_checks`` as the agent speaks to others."""
    if not config.enable_agent_tls_for_checks:
        return plain_tls
    own = config.tls.internal_rpc

    def with_agent_tls(check: CheckType) -> ssl.SSLContext:
        context = plain_tls(check)
        read_tls_files(own).load_into(context)
        return context

    return with_agent_tls
