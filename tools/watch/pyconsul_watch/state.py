"""What was delivered already, kept in a file so that a restart neither repeats nor forgets anything."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from pyconsul.primitives.system_errors import words_of
from pyconsul.primitives.whole_files import write_durably
from pyconsul.toolkit.errors import ConfigError

EVENT_LIMIT: Final = 1024
"""Delivered events remembered a watch; an agent keeps 256 of them, and another agent may have others."""
_VERSION: Final = 1


class Delivered(msgspec.Struct, frozen=True):
    """The last thing a watch handed to its handler: a digest of the value, or the IDs of events."""

    digest: str = ""
    index: int = 0
    events: tuple[str, ...] = ()


class State:
    """Delivered by watch ID. ``path`` "" keeps it in memory only."""

    def __init__(self, path: str = "") -> None:
        self.path = path
        self._delivered: dict[str, Delivered] = {}
        self._lock: int | None = None

    def lock(self) -> None:
        """Keep other processes away from the file until this one ends. Raises ConfigError when one is there."""
        if not self.path or self._lock is not None:
            return
        try:
            # A file of its own: the state itself is replaced with every change.
            self._lock = os.open(self.path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"state file {self.path} is in use by another process") from None
        except OSError as error:
            raise ConfigError(f"state file {self.path} cannot be locked: {words_of(error)}") from None

    def load(self) -> None:
        """Read the file, if there is one. Raises ConfigError for one that is damaged: guessing would repeat calls."""
        if not self.path or not os.path.exists(self.path):
            return
        try:
            with open(self.path, "rb") as source:
                found = msgspec.json.decode(source.read())
            if not isinstance(found, dict) or cast("dict[str, Any]", found).get("version") != _VERSION:
                raise ValueError("not a state file of this version")
            watches = cast("dict[str, Any]", found)["watches"]
            self._delivered = msgspec.convert(watches, dict[str, Delivered])
        except (OSError, ValueError, KeyError, msgspec.MsgspecError) as error:
            raise ConfigError(
                f"state file {self.path} cannot be read, move it away to start over: {words_of(error)}"
            ) from None

    def of(self, watch: str) -> Delivered | None:
        """What a watch delivered last, None when it never did."""
        return self._delivered.get(watch)

    def note(self, watch: str, delivered: Delivered) -> None:
        """Remember; ``save`` makes it last."""
        self._delivered[watch] = delivered

    def keep_only(self, watches: Iterable[str]) -> None:
        """Forget watches that are gone."""
        wanted = set(watches)
        self._delivered = {name: value for name, value in self._delivered.items() if name in wanted}

    def save(self) -> None:
        """Write the file: whole or not at all, and on the disk when this returns. Raises OSError."""
        if self.path:
            write_durably(Path(self.path), self._text(self._delivered), mode=0o600)

    @staticmethod
    def _text(delivered: Mapping[str, Delivered]) -> bytes:
        watches = {name: msgspec.to_builtins(value) for name, value in sorted(delivered.items())}
        return json.dumps({"version": _VERSION, "watches": watches}, indent=2).encode() + b"\n"
