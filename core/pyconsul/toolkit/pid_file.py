"""The file with a tool's process ID; a path of "" stands for none."""

from __future__ import annotations

import logging
import os

from pyconsul.lang.strconv import quote
from pyconsul.primitives.system_errors import system_text
from pyconsul.toolkit.errors import RunError
from pyconsul.toolkit.paths import possible


def store(path: str) -> None:
    """Write the ID of this process. Raises RunError."""
    if not path:
        return
    try:
        with open(possible(path), "w", encoding="ascii") as out:
            out.write(str(os.getpid()))
    except OSError as error:
        reason = system_text(error)
        raise RunError(f"runner: could not open pid file: open {path}: {reason}") from None


def remove(path: str, logger: logging.Logger) -> None:
    """Remove the file, if it is there; that it could not be removed is only logged."""
    if not path:
        return
    try:
        os.remove(path)
    except FileNotFoundError:
        return
    except OSError as error:
        reason = system_text(error)
        if os.path.isdir(path):
            reason = "runner: specified pid file path is directory"
        logger.warning("could not remove pid at %s: %s", quote(path), reason)
