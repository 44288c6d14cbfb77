"""SIGCHLD, which some who start programs leave ignored: then the system throws the exit statuses of children away."""

from __future__ import annotations

import signal


def heed_children() -> None:
    """See to it that children can be waited for, as in every Go program; else each would seem to have gone well."""
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
