"""Figures of the process, as every exporter has them."""

import resource

import pytest

from pyconsul.telemetry.process import process_text


def shown(name: str) -> float:
    """The value that the text has for this series."""
    return float(next(line for line in process_text().splitlines() if line.startswith(f"{name} ")).split()[1])


@pytest.mark.parametrize(
    ("name", "limit"),
    [("process_max_fds", resource.RLIMIT_NOFILE), ("process_virtual_memory_max_bytes", resource.RLIMIT_AS)],
)
def test_no_limit_is_the_largest_number(name: str, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kernel and Go have it, where Python says -1; a limit that there is is shown as it is."""
    limits = {limit: (resource.RLIM_INFINITY, resource.RLIM_INFINITY)}

    def limit_of(asked: int) -> tuple[int, int]:
        return limits.get(asked, (7, 7))

    monkeypatch.setattr(resource, "getrlimit", limit_of)
    assert shown(name) == float(2**64 - 1)
    limits[limit] = (4096, 8192)
    assert shown(name) == 4096
