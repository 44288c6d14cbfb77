"""The agent's own ACL tokens: from the configuration, or set by ``/v1/agent/token`` and then perhaps kept on disk.

``acl-tokens.json`` in the data directory has Consul's format. What stands there was set by the API and wins over the
configuration; without ``acl.enable_token_persistence`` a reload puts the configured tokens back.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from pyconsul.agent.persistence import write_whole
from pyconsul.primitives.system_errors import file_text
from pyconsul.structs import godecode, gojson
from pyconsul.structs.wire import UNSET, OmitStr, WireStruct, omit
from pyconsul.telemetry import logger

if TYPE_CHECKING:
    from pyconsul.config.runtime import RuntimeConfig
    from pyconsul.config.sections import AclTokens

__all__ = ["NAMES", "Tokens", "kept_at"]

NAMES: Final = ("default", "agent", "agent_recovery", "replication", "config_file_service_registration", "dns")
_FILE: Final = "acl-tokens.json"
_log = logger("agent")


class KeptTokens(WireStruct, frozen=True, kw_only=True):
    """The file: only what was set by the API. ``agent_master`` is the recovery token's name before Consul 1.11."""

    replication: OmitStr = UNSET
    agent_recovery: OmitStr = UNSET
    default: OmitStr = UNSET
    agent: OmitStr = UNSET
    config_file_service_registration: OmitStr = UNSET
    dns: OmitStr = UNSET
    agent_master: OmitStr = UNSET

    def of(self, name: str) -> str:
        """The kept token, "" where there is none."""
        found: str = getattr(self, name) or ""
        return found or (self.agent_master or "" if name == "agent_recovery" else "")


def kept_at(config: RuntimeConfig) -> Path | None:
    """Where tokens are kept; None where they are not, or where there is no data directory for them."""
    wanted = config.acl.enable_token_persistence and config.data_dir
    return Path(config.data_dir) / _FILE if wanted else None


def _nobody() -> None:
    """Nobody wants to know."""


class Tokens(msgspec.Struct):
    """Empty where none is set. ``on_change`` is told after a token changed."""

    default: str = ""
    agent: str = ""
    agent_recovery: str = ""
    replication: str = ""
    config_file_service_registration: str = ""
    dns: str = ""
    on_change: Callable[[], None] = _nobody
    _from_api: set[str] = msgspec.field(default_factory=set[str])
    _path: Path | None = None
    _saving: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)

    def agent_token(self) -> str:
        """What the agent uses for its own node: its token, else the default one."""
        return self.agent or self.default

    def dns_token(self) -> str:
        """What DNS questions are answered with: their token, else the default one."""
        return self.dns or self.default

    def for_row(self, own: str, *, from_config: bool) -> str:
        """What registers a service or check: its own token, that of configuration files, else the default one."""
        return own or (self.config_file_service_registration if from_config else "") or self.default

    def is_recovery(self, secret: str) -> bool:
        """Whether this is the secret of the recovery token."""
        own = self.agent_recovery
        # In a time that does not tell how much of a guess is right.
        return own != "" and hmac.compare_digest(_octets(secret), _octets(own))

    def load(self, configured: AclTokens, path: Path | None) -> None:
        """Take the configured tokens, and over them those kept at ``path`` (None: none are, nor will be)."""
        self._path = path
        kept = _read(path) if path is not None else KeptTokens()
        for name in NAMES:
            token = kept.of(name)
            if token and getattr(configured, name):
                _log.warn(
                    f'"{name}" token present in both the configuration and persisted token store, '
                    "using the persisted token"
                )
            self._set(name, token or getattr(configured, name), from_api=token != "")
        self.on_change()

    def update(self, name: str, token: str) -> bool:
        """Set a token as the API asks for; returns whether it is another now, or from elsewhere."""
        is_new = self._set(name, token, from_api=True)
        if is_new:
            self.on_change()
        return is_new

    async def save(self) -> None:
        """Keep what was set by the API, if tokens are kept. Raises OSError."""
        if self._path is None:
            return
        async with self._saving:
            given = {name: omit(getattr(self, name)) for name in self._from_api}
            await asyncio.to_thread(write_whole, self._path, gojson.encode(KeptTokens(**given)), sync=True)

    def _set(self, name: str, token: str, *, from_api: bool) -> bool:
        is_new = getattr(self, name) != token or (name in self._from_api) != from_api
        setattr(self, name, token)
        (self._from_api.add if from_api else self._from_api.discard)(name)
        return is_new


def _read(path: Path) -> KeptTokens:
    """What is kept; nothing where that cannot be read, which the log tells."""
    try:
        return godecode.into(godecode.parse_whole(path.read_bytes()), KeptTokens, strict=False)
    except FileNotFoundError:
        return KeptTokens()
    except OSError as error:
        fault = f'failed reading tokens file "{path}": {file_text(error)}'
    except ValueError as error:
        fault = f'failed to decode tokens file "{path}": {error}'
    _log.warn("unable to load persisted tokens", error=fault)
    return KeptTokens()


def _octets(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogateescape")
