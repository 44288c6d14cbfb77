"""What was being done in front of what went wrong, as Consul's servers wrap their errors."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from pyconsul.structs.errors import InternalError


@contextmanager
def blamed(what: str) -> Generator[None]:
    """Put ``what`` in front of the text of an InternalError that comes out, which is a plain one then."""
    try:
        yield
    except InternalError as error:
        raise InternalError(f"{what}: {error.text}") from None
