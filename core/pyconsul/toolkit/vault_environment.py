"""What Vault's own client takes from the environment, whatever a stanza says, and how it repeats requests.

The tools' originals make their clients of it, so that its variables and its patience are theirs too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pyconsul.lang.strconv import NumberSyntaxError, parse_bool, parse_uint, quote
from pyconsul.primitives.durations import DurationError, parse_duration, to_seconds

SHORTEST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 1.5


class UnusableVariableError(Exception):
    """A variable that the client cannot read; the text is the one that it prints."""


class Patience(msgspec.Struct, frozen=True):
    """How often one request is repeated, and how long it may take with all its repetitions (seconds)."""

    repetitions: int = 2
    timeout: float = 60.0

    def pause(self, failures: int, status: int, retry_after: str, dice: float) -> float | None:
        """Seconds to wait after the ``failures``-th failure (1 is the first), None when it is not worth it.

        ``status`` is 0 where no answer came, ``retry_after`` that header of the answer, ``dice`` a random number
        from 0 to 1.
        """
        if failures > self.repetitions or not _is_temporary(status):
            return None
        if status in (429, 503) and retry_after.isdecimal():
            return float(retry_after)
        return (SHORTEST_PAUSE + dice * (LONGEST_PAUSE - SHORTEST_PAUSE)) * failures


def _is_temporary(status: int) -> bool:
    """412 is what a server says that has not caught up yet."""
    return status in (0, 412, 429) or (status >= 500 and status != 501)


class VaultEnvironment(msgspec.Struct, frozen=True):
    """The variables; ``fault`` tells why no client can be made of them.

    ``agent_address`` wins over the address of the stanza; the others count where the stanza has nothing.
    """

    agent_address: str = ""
    address: str = ""
    token: str = ""
    namespace: str = ""
    headers: Mapping[str, str] = {}
    patience: Patience = Patience()
    fault: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> VaultEnvironment:
        """From the variables."""
        try:
            patience, headers = _patience(environ), _headers(environ.get("VAULT_HEADERS", ""))
        except UnusableVariableError as error:
            return cls(fault=str(error))
        return cls(
            environ.get("VAULT_AGENT_ADDR", ""),
            environ.get("VAULT_ADDR", ""),
            environ.get("VAULT_TOKEN", ""),
            environ.get("VAULT_NAMESPACE", ""),
            headers,
            patience,
        )


def _patience(environ: Mapping[str, str]) -> Patience:
    """In the order in which the client reads them."""
    head = "error encountered setting up default configuration: "
    repetitions, timeout = Patience().repetitions, Patience().timeout
    try:
        if text := environ.get("VAULT_MAX_RETRIES", ""):
            repetitions = parse_uint(text, 10, 32)
    except NumberSyntaxError as error:
        raise UnusableVariableError(f"{head}{error}") from None
    if text := environ.get("VAULT_CLIENT_TIMEOUT", ""):
        try:
            timeout = float(text) if text.isdecimal() else to_seconds(parse_duration(text))
        except DurationError:
            raise UnusableVariableError(f"{head}could not parse {quote('VAULT_CLIENT_TIMEOUT')}") from None
    try:
        if text := environ.get("VAULT_SKIP_VERIFY", ""):
            parse_bool(text)
    except NumberSyntaxError:
        raise UnusableVariableError(f"{head}could not parse VAULT_SKIP_VERIFY") from None
    return Patience(repetitions, timeout or Patience().timeout)


def _headers(text: str) -> Mapping[str, str]:
    """A JSON object of texts; the client's own headers stay its own."""
    if not text:
        return {}
    try:
        given: Any = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise UnusableVariableError("could not unmarshal environment-supplied headers")
    found: dict[str, Any] = given
    own = [name for name in found if name.startswith("X-Vault-")]
    if any(not isinstance(value, str) for name, value in found.items() if name not in own):
        raise UnusableVariableError("environment-supplied headers include non-string values")
    if own:
        raise UnusableVariableError(
            f"failed to setup Headers[{', '.join(own)}]: Header starting by 'X-Vault-' are for internal usage only"
        )
    return found
