"""What Vault's own client takes from the environment, whatever a stanza says, and how it repeats requests.

The tools' originals make their clients of it, so that its variables and its patience are theirs too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pyconsul.lang.strconv import NumberSyntaxError, parse_bool, parse_float, parse_uint, quote
from pyconsul.primitives.durations import DurationError, parse_duration, to_seconds
from pyconsul.primitives.untyped import is_dict

SHORTEST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 1.5
_RATE_AND_BURST: Final = re.compile(r"\s*([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?):\s*([+-]?[0-9]+)")


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


class RateLimit(msgspec.Struct, frozen=True):
    """So many requests a second, and so many at once after a rest."""

    rate: float
    burst: int


class VaultEnvironment(msgspec.Struct, frozen=True):
    """The variables; ``fault`` tells why no client can be made of them.

    ``agent_address`` wins over the address of the stanza; address, token and name space count where the stanza has
    nothing. ``follows``: a redirection is followed; ``discovers``: an address without a port is looked up in DNS.
    """

    agent_address: str = ""
    address: str = ""
    token: str = ""
    namespace: str = ""
    headers: Mapping[str, str] = {}
    patience: Patience = Patience()
    rate_limit: RateLimit | None = None
    follows: bool = True
    discovers: bool = False
    fault: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> VaultEnvironment:
        """From the variables, which are read in the client's order: the first bad one is told."""
        try:
            repetitions = _repetitions(environ.get("VAULT_MAX_RETRIES", ""))
            rate_limit = _rate_limit(environ.get("VAULT_RATE_LIMIT", ""))
            timeout = _timeout(environ.get("VAULT_CLIENT_TIMEOUT", ""))
            _flag(environ, "VAULT_SKIP_VERIFY")
            discovers = _flag(environ, "VAULT_SRV_LOOKUP")
            stays = _flag(environ, "VAULT_DISABLE_REDIRECTS")
        except UnusableVariableError as error:
            return cls(fault=f"error encountered setting up default configuration: {error}")
        try:
            headers = _headers(environ.get("VAULT_HEADERS", ""))
        except UnusableVariableError as error:
            return cls(fault=str(error))
        return cls(
            environ.get("VAULT_AGENT_ADDR", ""),
            environ.get("VAULT_ADDR", ""),
            environ.get("VAULT_TOKEN", ""),
            environ.get("VAULT_NAMESPACE", ""),
            headers,
            Patience(repetitions, timeout),
            rate_limit,
            not stays,
            discovers,
        )


def _repetitions(text: str) -> int:
    try:
        return parse_uint(text, 10, 32) if text else Patience().repetitions
    except NumberSyntaxError as error:
        raise UnusableVariableError(str(error)) from None


def _timeout(text: str) -> float:
    """Seconds; a bare number counts them, and 0 is no time of one's own."""
    try:
        seconds = float(text) if text.isdecimal() else to_seconds(parse_duration(text or "0"))
    except DurationError:
        raise UnusableVariableError(f"could not parse {quote('VAULT_CLIENT_TIMEOUT')}") from None
    return seconds or Patience().timeout


def _rate_limit(text: str) -> RateLimit | None:
    """``rate:burst``, where what follows does not count, or a rate that is its own burst."""
    if not text:
        return None
    both = _RATE_AND_BURST.match(text)
    try:
        if both is not None:
            return RateLimit(parse_float(both[1]), int(both[2]))
        rate = parse_float(text)
    except NumberSyntaxError:
        raise UnusableVariableError("VAULT_RATE_LIMIT was provided but incorrectly formatted") from None
    return RateLimit(rate, int(rate) if math.isfinite(rate) else 0)


def _flag(environ: Mapping[str, str], name: str) -> bool:
    try:
        return parse_bool(environ[name]) if environ.get(name) else False
    except NumberSyntaxError:
        raise UnusableVariableError(f"could not parse {name}") from None


def _headers(text: str) -> Mapping[str, str]:
    """A JSON object of texts; the client's own headers stay its own."""
    if not text:
        return {}
    try:
        given: Any = json.loads(text)
    except ValueError:
        given = None
    if not is_dict(given):
        raise UnusableVariableError("could not unmarshal environment-supplied headers")
    own = [name for name in given if name.startswith("X-Vault-")]
    if any(not isinstance(value, str) for name, value in given.items() if name not in own):
        raise UnusableVariableError("environment-supplied headers include non-string values")
    if own:
        raise UnusableVariableError(
            f"failed to setup Headers[{', '.join(own)}]: Header starting by 'X-Vault-' are for internal usage only"
        )
    return given
