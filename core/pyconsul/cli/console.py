"""What a command may touch: its streams, its environment, and the agent (connected to when first asked for)."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from pyconsul.primitives import standard_streams
from pyconsul.primitives.standard_streams import OutputLost, ReaderGone
from pyconsul.primitives.system_errors import file_text

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
        """The console of this process, its streams made ready."""
        standard_streams.make_ready()
        return cls(sys.stdout.buffer, sys.stderr.buffer, sys.stdin.buffer, os.environ)

    def say(self, text: str | bytes = "") -> None:
        """One line (or several) of output. Raises Failed when standard output does not take it."""
        try:
            self._out.write(as_bytes(text) + b"\n")
        except OSError as e:
            raise lost(standard_streams.lost(e)) from e

    def tell(self, text: str | bytes) -> None:
        """Like ``say``, shown at once: what has happened, while there is more to do."""
        self.say(text)
        self.flush()

    def complain(self, text: str | bytes = "") -> None:
        """One line (or several) on standard error, after everything said so far."""
        with suppress(Failed):  # to be told at the end, if nothing else is
            self.flush()
        try:
            self._err.write(as_bytes(text) + b"\n")
            self._err.flush()
        except BrokenPipeError as e:
            raise ReaderGone from e
        except OSError:
            return  # there is nowhere left to complain to

    def log(self, level: str, name: str, message: str, **values: object) -> None:
        """One line of a log on standard error, as Consul's client and its watches write it."""
        import time

        from pyconsul.telemetry.logging import Level, Record, as_text

        self.complain(as_text(Record(time.time(), Level[level], name, message, values)).removesuffix("\n"))

    def flush(self) -> None:
        """Hand over what was said: before a child process writes, and before waiting. Raises Failed as ``say``."""
        try:
            self._out.flush()
        except OSError as e:
            raise lost(standard_streams.lost(e)) from e

    def connect(
        self, args: Args, failure: str = "Error connecting to Consul agent", *, with_token: bool = True
    ) -> Client:
        """A client for the agent that flags and environment name. Raises Failed with ``failure`` in front, if any.

        Not ``with_token``: its flags do not count.
        """
        from pyconsul.cli.flags import settings_of

        with failing(failure):
            from pyconsul.sdk import Client

            client = Client(settings_of(args, self, with_token=with_token))
        self._clients.append(client)
        return client

    def close(self) -> None:
        """End the connections of the command that ran."""
        while self._clients:
            self._clients.pop().close()


def lost(error: OutputLost) -> Exception:
    """The end of a command whose output is not taken: Failed, or ReaderGone, which no command looks at."""
    return error if isinstance(error, ReaderGone) else Failed(str(error))


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
        raise Failed(f"{before}{file_text(e)}") from e


def as_bytes(text: str | bytes) -> bytes:
    """Text as UTF-8; bytes that came in as lone surrogates go out as they were."""
    if isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
