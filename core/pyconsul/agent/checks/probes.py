"""What a kind of check is: a probe that answers with a status and an output. Kinds register here by name."""

from __future__ import annotations

import importlib
import ssl
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from pyconsul.primitives.durations import SECOND
from pyconsul.primitives.links import Trust
from pyconsul.structs.checks import CheckType

__all__ = [
    "MakeContext",
    "NotImplementedHere",
    "Probe",
    "ProbeSettings",
    "Result",
    "check_kind",
    "probe_of",
    "timeout_of",
]

DEFAULT_TIMEOUT: Final = 10.0  # seconds an attempt may take; scripts have 30


class Result(NamedTuple):
    """How one attempt ended. ``direct`` results skip the thresholds."""

    status: str
    output: str
    direct: bool = False


class NotImplementedHere(Exception):
    """This kind of check cannot run on this system; the text is what the API answers."""


# Makes a context that verifies peers or not and offers protocols (ALPN), if any.
MakeContext = Callable[[bool, tuple[str, ...]], ssl.SSLContext]


class ProbeSettings(msgspec.Struct, frozen=True):
    """One check as its probe needs it. ``tls`` makes the context for kinds that speak TLS."""

    check_id: str
    type: CheckType
    output_limit: int
    tls: MakeContext

    def trust(self, *protocols: str) -> Trust:
        """Whom the check trusts; ``protocols`` are offered by ALPN."""
        return Trust(lambda verify: self.tls(verify and not self.type.TLSSkipVerify, protocols))


class Probe(Protocol):
    """One way to find out how something is."""

    async def attempt(self) -> Result:
        """Try once, within the check's own time limit. Must not raise for anything the target does.

        Cancelled, it lets go of what it holds; between attempts it holds nothing.
        """
        ...


ProbeFactory = Callable[[ProbeSettings], Probe]
_KINDS: dict[str, ProbeFactory] = {}
_MODULES: Final = {
    "http": "http_probe",
    "tcp": "tcp_probe",
    "udp": "udp_probe",
    "script": "script_probe",
    "docker": "docker_probe",
    "grpc": "grpc_probe",
    "h2ping": "h2ping_probe",
    "os_service": "os_service_probe",
}


def check_kind(name: str) -> Callable[[Any], Any]:
    """Register the decorated probe class for a kind of check."""

    def register(factory: Any) -> Any:
        _KINDS[name] = factory
        return factory

    return register


def probe_of(kind: str, settings: ProbeSettings) -> Probe:
    """A probe for the check. Raises LookupError for an unknown kind, NotImplementedHere for one that cannot run."""
    if kind not in _KINDS:
        if kind not in _MODULES:
            raise LookupError("Check type is not valid")
        importlib.import_module(f"pyconsul.agent.checks.{_MODULES[kind]}")
    return _KINDS[kind](settings)


def timeout_of(check: CheckType, default: float = DEFAULT_TIMEOUT) -> float:
    """Seconds that one attempt may take."""
    return check.Timeout / SECOND if check.Timeout > 0 else default
