"""``builtin/wasm``: a filter in WebAssembly, from a file or from a service."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pyconsul.lang import gourl
from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import parse_duration
from pyconsul.structs.envoy_extensions.faults import LISTENERS, listed, proxy_faults
from pyconsul.structs.envoy_extensions.reading import ServiceKind
from pyconsul.structs.envoy_extensions.services import ServiceName, duration_fault

_RUNTIMES: Final = ("v8", "wamr", "wavm", "wasmtime")


class RemoteFile(msgspec.Struct, frozen=True):
    """A file that a service has."""

    Service: ServiceName = ServiceName()
    URI: str = ""
    Timeout: str = ""

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        found: list[str] = []
        try:
            gourl.parse(self.URI)
        except gourl.UrlError as error:
            found.append(f"invalid HttpURI.URI: {error}")
        if fault := duration_fault(self.Timeout):
            found.append(f"failed to parse HttpURI.Timeout {quote(self.Timeout)} as a duration: {fault}")
        return found


class Waits(msgspec.Struct, frozen=True):
    """How long to wait between attempts."""

    BaseInterval: str = ""
    MaxInterval: str = ""

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        found = [
            f"failed to parse RetryBackOff.{name} {quote(text)}: {fault}"
            for name, text in (("BaseInterval", self.BaseInterval), ("MaxInterval", self.MaxInterval))
            if (fault := duration_fault(text))
        ]
        base, most = _length(self.BaseInterval), _length(self.MaxInterval)
        shown_base, shown_most = quote(self.BaseInterval), quote(self.MaxInterval)
        if self.BaseInterval and base <= 0:
            found.append(
                f"RetryBackOff.BaseInterval {shown_base} must be greater than zero"
                f" and less than or equal to RetryBackOff.MaxInterval {shown_most}"
            )
        if self.MaxInterval and most < base:
            found.append(
                f"RetryBackOff.MaxInterval {shown_most} must be greater than"
                f" or equal to RetryBackOff.BaseInterval {shown_base}"
            )
        return found


class Retries(msgspec.Struct, frozen=True):
    """What happens after a failure."""

    RetryBackOff: Waits = Waits()
    NumRetries: int = 0


class RemoteCode(msgspec.Struct, frozen=True):
    """Code that is fetched."""

    HttpURI: RemoteFile = RemoteFile()
    SHA256: str = ""
    RetryPolicy: Retries = Retries()

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        found: list[str] = []
        if not (self.HttpURI.Service.Name and self.HttpURI.URI):
            found.append("both Service and URI are required for Remote data sources")
        if not self.SHA256:
            found.append("SHA256 checksum is required for Remote data sources")
        found += self.HttpURI.faults()
        if self.RetryPolicy.NumRetries < 0:
            found.append("RetryPolicy.NumRetries must be greater than or equal to 0")
        return found + self.RetryPolicy.RetryBackOff.faults()


class LocalCode(msgspec.Struct, frozen=True):
    """Code in a file that the proxy can read."""

    Filename: str = ""


class CodeSource(msgspec.Struct, frozen=True):
    """Where the code comes from."""

    Local: LocalCode = LocalCode()
    Remote: RemoteCode = RemoteCode()

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        is_local = bool(self.Local.Filename)
        is_remote = bool(self.Remote.HttpURI.Service.Name or self.Remote.HttpURI.URI)
        found = ["VmConfig.Code must provide exactly one of Local or Remote data source"] * (is_local == is_remote)
        return found if is_local else found + self.Remote.faults()


class Environment(msgspec.Struct, frozen=True):
    """What the code sees of the environment."""

    HostEnvKeys: list[str] = []
    KeyValues: dict[str, str] = {}


class Machine(msgspec.Struct, frozen=True):
    """The machine that runs the code."""

    VmID: str = ""
    Runtime: str = ""
    Code: CodeSource = CodeSource()
    Configuration: str = ""
    EnvironmentVariables: Environment = Environment()

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        found = [] if self.Runtime in ("", *_RUNTIMES) else [f"unsupported runtime {quote(self.Runtime)}"]
        return found + self.Code.faults()


class CapabilityRestriction(msgspec.Struct, frozen=True):
    """What the code may call."""

    AllowedCapabilities: dict[str, Any] = {}


class Plugin(msgspec.Struct, frozen=True):
    """The filter."""

    Name: str = ""
    RootID: str = ""
    VmConfig: Machine = Machine()
    Configuration: str = ""
    CapabilityRestrictionConfiguration: CapabilityRestriction = CapabilityRestriction()


class Wasm(msgspec.Struct, frozen=True):
    """The arguments of the extension."""

    Protocol: str = ""
    ProxyType: ServiceKind = ""
    ListenerType: str = ""
    PluginConfig: Plugin = Plugin()

    def refusal(self) -> str:
        """What is wrong with it, "" if nothing is."""
        found: list[str] = []
        if self.Protocol not in ("tcp", "http"):
            found.append(f'unsupported Protocol {quote(self.Protocol)}, expected "tcp" or "http"')
        found += proxy_faults(self.ProxyType)
        if self.ListenerType not in LISTENERS:
            found.append(f'unsupported ListenerType {quote(self.ListenerType)}, expected "inbound" or "outbound"')
        return listed(found + self.PluginConfig.VmConfig.faults())


def _length(text: str) -> int:
    return 0 if duration_fault(text) else parse_duration(text or "0s")
