"""A disk without space, for a while and for this process alone."""

import contextlib
import resource
import signal
from collections.abc import Generator


@contextlib.contextmanager
def full_disk() -> Generator[None]:
    """No file can grow inside: writes fail with EFBIG as they would with ENOSPC."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
