"""What a command may touch: its streams, its environment, and the agent (connected to when first asked for)."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pyconsul.lang.goflags import Args
    from pyconsul.sdk import Client


class Failed(Exception):
    """A command ends here: ``str()`` goes to standard error (unless it is empty), ``code`` to the caller."""

    def __init__(self, text: str = "", code: int = 1) -> None:
        super().__init__(text)
        self.code = code


class UsageFailed(Failed):
    """Like Failed, with the command's help below the sentence, and a blank line between them if ``spaced``."""

    def __init__(self, text: str, *, spaced: bool = True) -> None:
        super().__init__(text)
        self.spaced = spaced


class Console:
    """Streams and environment of one run. Output is bytes, because values in the KV store are."""

    def __init__(self, out: IO[bytes], err: IO[bytes], stdin: IO[bytes], environ: Mapping[str, str]) -> None:
        self._out = out
        self._err = err
        self.stdin = stdin
        self.environ = environ
        self._clients: list[Client] = []

    @classmethod
    def of_process(cls) -> Console:
        """The console of this process."""
        return cls(sys.stdout.buffer, sys.stderr.buffer, sys.stdin.buffer, os.environ)

    def say(self, text: str | bytes = "") -> None:
        """One line (or several) of output."""
        self._out.write(as_bytes(text) + b"\n")

    def complain(self, text: str | bytes = "") -> None:
        """One line (or several) on standard error, after everything said so far."""
        self._out.flush()
        self._err.write(as_bytes(text) + b"\n")
        self._err.flush()

    def flush(self) -> None:
        """Hand over what was said: before a child process writes, and before waiting."""
        self._out.flush()

    def connect(
        self, args: Args, failure: str = "Error connecting to Consul agent", *, with_token: bool = True
    ) -> Client:
        """A client for the agent that flags and environment name. Raises Failed with ``failure`` in front, if any.

        Not ``with_token``: its flags do not count.
        """
        from .flags import settings_of

        with failing(failure):
            from pyconsul.sdk import Client

            client = Client(settings_of(args, self, with_token=with_token))
        self._clients.append(client)
        return client

    def close(self) -> None:
        """End the connections of the command that ran."""
        while self._clients:
            self._clients.pop().close()


@contextmanager
def failing(prefix: str) -> Generator[None]:
    """Turn an error of the SDK, or of a file, into ``prefix: reason`` (or the reason alone) and exit code 1."""
    from pyconsul.sdk.errors import ConsulError

    before = f"{prefix}: " if prefix else ""
    try:
        yield
    except ConsulError as e:
        raise Failed(f"{before}{e}") from e
    except OSError as e:
        raise Failed(f"{before}{os_reason(e)}") from e


def os_reason(error: OSError) -> str:
    """An operating system error in Go's form: ``open name: no such file or directory``."""
    reason = (error.strerror or str(error)).lower()
    if error.filename is None:
        return reason
    if error.filename2 is not None:
        return f"rename {_as_text(error.filename)} {_as_text(error.filename2)}: {_rename_reason(error)}"
    call = "read" if isinstance(error, IsADirectoryError) else "open"  # Go opens a directory, and then cannot read it
    return f"{call} {_as_text(error.filename)}: {reason}"


def _rename_reason(error: OSError) -> str:
    """Why a file did not get its name; Go looks for a folder of that name before it asks the system."""
    if os.path.isdir(error.filename2):
        return os.strerror(errno.EEXIST).lower()
    return (error.strerror or str(error)).lower()


def as_bytes(text: str | bytes) -> bytes:
    """Text as UTF-8; bytes that came in as lone surrogates go out as they were."""
    if isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def _as_text(name: str | bytes) -> str:
    return os.fsdecode(name)
