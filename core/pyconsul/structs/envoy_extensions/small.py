"""Extensions with a handful of arguments: ``builtin/lua`` and ``builtin/aws/lambda``."""

from __future__ import annotations

import msgspec

from pyconsul.lang.strconv import quote
from pyconsul.structs.envoy_extensions.faults import CONNECT_PROXY, LISTENERS, listed


class Lua(msgspec.Struct, frozen=True):
    """A script that handles requests."""

    ProxyType: str = ""
    Listener: str = ""
    Script: str = ""

    def refusal(self) -> str:
        """What is wrong with it, "" if nothing is."""
        found: list[str] = []
        if not self.Script:
            found.append("missing Script value")
        if self.ProxyType not in ("", CONNECT_PROXY, "api-gateway"):
            found.append(f"unexpected ProxyType {quote(self.ProxyType)}")
        if self.Listener not in LISTENERS:
            found.append(f"unexpected Listener {quote(self.Listener)}")
        return listed(found)


class AwsLambda(msgspec.Struct, frozen=True):
    """A function of AWS that answers in a service's place."""

    ARN: str = ""
    PayloadPassthrough: bool = False
    InvocationMode: str = ""

    def refusal(self) -> str:
        """What is wrong with it, "" if nothing is."""
        return listed([] if self.ARN else ["ARN is required"])
