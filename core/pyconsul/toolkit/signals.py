"""Signals by name, as the tools' flags and files spell them."""

from __future__ import annotations

import signal
from typing import Final

from pyconsul.lang.strconv import quote

_NAMES = [
    "ABRT",
    "ALRM",
    "BUS",
    "CONT",
    "FPE",
    "HUP",
    "ILL",
    "INT",
    "IO",
    "IOT",
    "KILL",
    "PIPE",
    "PROF",
    "QUIT",
    "SEGV",
    "STOP",
    "SYS",
    "TERM",
    "TRAP",
    "TSTP",
    "TTIN",
    "TTOU",
    "USR1",
    "USR2",
    "WINCH",
    "XCPU",
    "XFSZ",
]
BY_NAME: Final[dict[str, int]] = {
    "SIGNULL": 0,
    **{f"SIG{name}": int(getattr(signal, f"SIG{name}")) for name in _NAMES if hasattr(signal, f"SIG{name}")},
}
"""Number by name; SIGNULL stands for none. SIGCHLD and SIGURG are left out, as in the originals."""

# Those that cannot be caught, those that say that this process itself is broken, and the two that Python turns
# into errors: a connection that breaks raises SIGPIPE here, which must not kill the child.
_OWN: Final = frozenset(
    f"SIG{name}"
    for name in ("NULL", "KILL", "STOP", "SEGV", "BUS", "FPE", "ILL", "ABRT", "IOT", "TRAP", "SYS", "PIPE", "XFSZ")
)
PASSED_ON: Final = frozenset(number for name, number in BY_NAME.items() if name not in _OWN)
"""The signals a tool takes, to act on or to pass on to its child."""


class UnknownSignal(ValueError):
    """A name that stands for no signal; the text lists the known ones."""


def parse(name: str) -> int:
    """The number of a signal name in any letter case. Raises UnknownSignal."""
    number = BY_NAME.get(name.upper())
    if number is None:
        known = " ".join(quote(known) for known in sorted(BY_NAME))
        raise UnknownSignal(f"invalid signal {quote(name)} - valid signals are [{known}]")
    return number


def describe(number: int) -> str:
    """What the system calls the signal, in lower case as Go prints it."""
    return (signal.strsignal(number) or f"signal {number}").lower()
