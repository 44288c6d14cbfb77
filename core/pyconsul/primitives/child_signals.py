"""What becomes of children: that their exit statuses are kept, and how they ended in Go's words."""

from __future__ import annotations

import signal


def heed_children() -> None:
    """See to it that children can be waited for, as in every Go program; else each would seem to have gone well.

    Some who start programs leave SIGCHLD ignored: then the system throws the exit statuses of children away.
    """
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def ending(code: int) -> str:
    """How a child ended, in Go's words; empty for success."""
    if code == 0:
        return ""
    if code > 0:
        return f"exit status {code}"
    return f"signal: {_SIGNAL_WORDS.get(-code, f'signal {-code}')}"


_SIGNAL_WORDS: dict[int, str] = {
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit",
    signal.SIGILL: "illegal instruction",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGKILL: "killed",
    signal.SIGUSR1: "user defined signal 1",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGUSR2: "user defined signal 2",
    signal.SIGPIPE: "broken pipe",
    signal.SIGALRM: "alarm clock",
    signal.SIGTERM: "terminated",
}
