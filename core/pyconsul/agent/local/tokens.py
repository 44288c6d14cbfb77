"""The agent's own ACL tokens, as configuration and ``/v1/agent/token`` set them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Tokens"]


@dataclass(slots=True)
class Tokens:
    """Empty where none is set."""

    default: str = ""
    agent: str = ""
    agent_recovery: str = ""
    replication: str = ""
    config_file_service_registration: str = ""
    dns: str = ""

    def agent_token(self) -> str:
        """What the agent uses for its own node: its token, else the default one."""
        return self.agent or self.default

    def for_row(self, own: str, *, from_config: bool) -> str:
        """What registers a service or check: its own token, that of configuration files, else the default one."""
        return own or (self.config_file_service_registration if from_config else "") or self.default
