"""Signals as Go's programs have them, whoever starts us; how children ended, in Go's words."""

from __future__ import annotations

import signal


def heed_signals() -> None:
    """See to it that signals arrive and children can be waited for, as in every Go program.

    Some who start programs hold signals back: nothing but SIGKILL would end us, or the children that inherit that.
    Some leave SIGCHLD ignored: the system then throws exit statuses away, and each child would seem to have gone well.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
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
