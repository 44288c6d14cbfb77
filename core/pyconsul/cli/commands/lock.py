"""``consul lock``: run a command while holding a lock or a slot of a semaphore."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from pyconsul.cli.children import arguments, ending, pass_on, start
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags, server_flags
from pyconsul.cli.signals import Signals, Stopped, stoppable
from pyconsul.lang import gopath
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.primitives.durations import to_seconds

if TYPE_CHECKING:
    from pyconsul.sdk import Client
    from pyconsul.sdk.blocking.lock import Lock
    from pyconsul.sdk.blocking.semaphore import Semaphore

USAGE = "[options] prefix child..."
HELP = """
Runs a command as soon as a lock is free, and holds the lock while it runs.

    $ consul lock jobs/backup ./backup.sh

With -n=5 it is a semaphore that five may hold at a time. When the lock is
lost, the command is told to end with SIGTERM, and killed five seconds later.
"""

_GRACE = 5.0  # seconds between SIGTERM and SIGKILL; less than the lock-delay, so that two never run at once
_MONITOR_RETRY_TIME = 1.0  # seconds
_CHILD_FAILED = 2
_NOT_ACQUIRED = "Shutdown triggered or timeout during lock acquisition"
_TIMEOUTS = ("timeout", "try")
_DEFAULT_WAIT = 15.0  # seconds of one blocking query while waiting without end
_LOOK_EVERY = 0.05  # seconds between looks at whether the lock is lost while the command runs


def add_flags(flags: FlagSet) -> None:
    """Declare lock and command."""
    flags.boolean("child-exit-code", "Exit with 2 when the command fails.")
    flags.integer("n", "Number of holders at a time; more than one makes a semaphore.", 1)
    flags.integer("monitor-retry", "How often to retry, a second apart, when servers answer with errors.", 3)
    flags.string("name", "Name of the session. By default it names the command.")
    flags.boolean("pass-stdin", "Let the command read our standard input.")
    flags.boolean("shell", "Run the command in a shell, $SHELL if it is set.", True)
    flags.duration("timeout", "How long to wait for the lock; 0 means for ever.")
    flags.boolean("verbose", "Say what happens.")
    flags.duration("try", "Old name of -timeout.")
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Wait for the lock, run the command, release the lock."""
    if args.integer("n") <= 0:
        raise Failed("Lock holder limit must be positive")
    if len(args.rest) < 2:
        raise Failed("Key prefix and child command must be specified")
    if _timeout(args) < 0:
        raise Failed("Timeout must be positive")
    if args.integer("monitor-retry") < 0:
        raise Failed("Number for 'monitor-retry' must be >= 0")
    client = console.connect(args)
    with failing("Error querying Consul agent"):
        client.agent.self()
    return _Holder(args, client, console).hold()


def _timeout(args: Args) -> int:
    """Nanoseconds to wait for the lock; 0 for ever."""
    # Both flags set the same value, so the last one counts.
    return args.duration(next((name for name in reversed(args.given()) if name in _TIMEOUTS), "timeout"))


class _Holder:
    """One lock and one command."""

    def __init__(self, args: Args, client: Client, console: Console) -> None:
        self._args = args
        self._client = client
        self._console = console
        with failing("Lock setup failed"):
            self._lock = self._set_up()

    def _set_up(self) -> Lock | Semaphore:
        """The lock at the prefix, or the semaphore below it."""
        from pyconsul.sdk.semaphore import HOLDERS_KEY

        args, limit = self._args, self._args.integer("n")
        prefix = args.argument(0).removeprefix("/")
        timeout = to_seconds(_timeout(args))
        name = args.string("name") or f"Consul lock for '{' '.join(args.rest[1:])}' at '{prefix}'"
        retries = args.integer("monitor-retry")
        if limit > 1:
            self._say(f"Setting up semaphore (limit {limit}) at prefix: {prefix}")
            return self._client.semaphore(
                prefix,
                limit,
                name=name,
                try_once=timeout > 0,
                wait=timeout or _DEFAULT_WAIT,
                monitor_retries=retries,
                monitor_retry_time=_MONITOR_RETRY_TIME,
            )
        # The key that a semaphore would use, so that the two exclude each other at a prefix.
        key = gopath.join(prefix, HOLDERS_KEY)
        self._say(f"Setting up lock at path: {key}")
        return self._client.lock(
            key,
            name=name,
            try_once=timeout > 0,
            wait=timeout or _DEFAULT_WAIT,
            monitor_retries=retries,
            monitor_retry_time=_MONITOR_RETRY_TIME,
        )

    def hold(self) -> int:
        """Do it all. Returns the exit code."""
        with stoppable() as signals:
            code = self._run_child(signals) if self._acquires(signals) else 0
            self._release()
        return code if self._args.boolean("child-exit-code") else 0

    def _acquires(self, signals: Signals) -> bool:
        """Wait for the lock; False when it came together with a signal. Raises Failed."""
        self._say("Attempting lock acquisition")
        try:
            with failing("Lock acquisition failed"):
                is_ours = signals.run(self._client, self._lock.acquire)
                signals.check()
        except Stopped:
            if not self._lock.is_held:
                raise Failed(_NOT_ACQUIRED) from None
            self._console.complain("Shutdown triggered during lock acquisition")
            return False
        if not is_ours:
            raise Failed(_NOT_ACQUIRED)
        return True

    def _run_child(self, signals: Signals) -> int:
        """Start the command and wait for its end, or for the loss of the lock."""
        args, console = self._args, self._console
        self._say("Starting handler")
        argv = arguments(args.rest[1:], console.environ, shell=args.boolean("shell"))
        if args.boolean("pass-stdin"):
            self._say("Stdin passed to handler process")
        stdin = None if args.boolean("pass-stdin") else subprocess.DEVNULL
        environ = {**console.environ, "CONSUL_LOCK_HELD": "true"}
        try:
            child = start(argv, environ, stdin)
        except Failed as e:
            console.complain(str(e))
            self._say("Child terminated, releasing lock")
            return _CHILD_FAILED
        if not self._ends_by_itself(child, signals):
            self._kill(child)
            return 0
        self._tell_failure(child)
        self._say("Child terminated, releasing lock")
        return _CHILD_FAILED if child.returncode else 0

    def _ends_by_itself(self, child: subprocess.Popen[bytes], signals: Signals) -> bool:
        """Wait until the command has ended (True), or the lock is lost or the user wants an end (False)."""
        ended = signals.start(child.wait)
        try:
            while not signals.wait(ended, _LOOK_EVERY):
                if self._lock.lost.is_set():
                    self._say("Lock lost, killing child")
                    return False
        except Stopped as stopped:
            pass_on(child, stopped.number)
            self._say("Shutdown triggered, killing child")
            return False
        return True

    def _kill(self, child: subprocess.Popen[bytes]) -> None:
        """End the command: politely first."""
        self._say(f"Terminating child pid {child.pid}")
        pass_on(child, signal.SIGTERM)
        try:
            child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._say(f"Child did not exit after grace period of {_GRACE:g}s")
        else:
            self._tell_failure(child)
            self._say("Child terminated")
            return
        self._say(f"Killing child pid {child.pid}")
        pass_on(child, signal.SIGKILL)
        child.wait()
        self._tell_failure(child)

    def _tell_failure(self, child: subprocess.Popen[bytes]) -> None:
        if told := ending(child.returncode):
            self._console.complain(f"Error running handler: {told}")

    def _release(self) -> None:
        from pyconsul.sdk.errors import LockInUse, SemaphoreInUse

        with failing("Lock release failed"):
            self._lock.release()
        with failing("Lock cleanup failed"):
            try:
                self._lock.destroy()
            except (LockInUse, SemaphoreInUse):
                self._say("Cleanup aborted, lock in use")
                return
        self._say("Cleanup succeeded")

    def _say(self, text: str) -> None:
        if self._args.boolean("verbose"):
            with suppress(Failed):  # child and lock must not be left alone for it; it is told at the end
                self._console.tell(text)
