"""TLS of outgoing checks: anybody's certificate authorities, or the agent's own with its certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.agent.checks.runner import plain_tls
from pyconsul.agent.tls_files import read_tls_files
from pyconsul.primitives.tls import client_context

if TYPE_CHECKING:
    import ssl

    from pyconsul.agent.checks.probes import MakeContext
    from pyconsul.config.runtime import RuntimeConfig

__all__ = ["check_tls"]


def check_tls(config: RuntimeConfig) -> MakeContext:
    """How checks make their contexts: with ``enable_agent_tls_for_checks`` as the agent speaks to others."""
    if not config.enable_agent_tls_for_checks:
        return plain_tls
    own = config.tls.internal_rpc

    def agent_tls(verify: bool, protocols: tuple[str, ...]) -> ssl.SSLContext:
        files = read_tls_files(own)
        context = client_context(ca_pem=files.authorities, verify=verify, protocols=protocols)
        files.load_into(context)
        return context

    return agent_tls
