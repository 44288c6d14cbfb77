"""The public test kit: a real agent inside the test process, started in milliseconds, and a pytest plug-in with it.

``pip install py-consul-agent`` makes the fixture ``consul_agent`` known to pytest; see ``docs/testing.md``. Nothing
heavy is imported before the first agent starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyconsul.testing.in_process import InProcessAgent

__all__ = ["InProcessAgent"]


def __getattr__(name: str) -> Any:
    if name == "InProcessAgent":
        from pyconsul.testing.in_process import InProcessAgent

        return InProcessAgent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
