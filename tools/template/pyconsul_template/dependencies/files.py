"""Files as data: looked at every two seconds, read when size or time of change differ."""

from __future__ import annotations

import os
from typing import ClassVar

import msgspec

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.strconv import from_bytes
from pyconsul.primitives.system_errors import system_text
from pyconsul.toolkit.paths import possible
from pyconsul_template.dependencies.queries import Access, Fetched

POLL_SECONDS = 2.0


class FileQuery(msgspec.Struct):
    """The text of a file."""

    kind: ClassVar[str] = "local"
    shared: ClassVar[bool] = False
    path: str
    name: str = ""
    seen: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self.name = f"file({self.path})"

    async def fetch(self, access: Access) -> Fetched:
        """The text, once it differs from the last look. Raises FunctionError with Go's words."""
        while True:
            look = self._look()
            if look != self.seen:
                break
            await access.pause(POLL_SECONDS)
        self.seen = look
        return Fetched(self._read(), access.polled())

    def _look(self) -> tuple[int, int]:
        try:
            found = os.stat(possible(self.path))
        except OSError as error:
            raise FunctionError(f"stat {self.path}: {system_text(error)}") from None
        return found.st_size, found.st_mtime_ns

    def _read(self) -> str:
        try:
            with open(self.path, "rb") as source:
                return from_bytes(source.read())
        except IsADirectoryError as error:
            raise FunctionError(f"read {self.path}: {system_text(error)}") from None
        except OSError as error:
            raise FunctionError(f"open {self.path}: {system_text(error)}") from None
