"""The pytest plug-in: fixtures with an agent. Every pytest run of its users loads it, so it imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyconsul.testing.in_process import InProcessAgent


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "consul_agent(**settings): settings of the fixture consul_agent, as InProcessAgent takes them"
    )


@pytest.fixture
def consul_agent(request: pytest.FixtureRequest, make_consul_agent: Callable[..., InProcessAgent]) -> InProcessAgent:
    """A fresh agent for one test: ``.client``, ``.http_address``, ``.dns_address``, ``.async_client()`` …

    ``@pytest.mark.consul_agent(datacenter="dc2", config='…HCL…')`` changes its settings.
    """
    marker = request.node.get_closest_marker("consul_agent")
    settings: dict[str, Any] = dict(marker.kwargs) if marker else {}
    return make_consul_agent(**settings)


@pytest.fixture
def make_consul_agent() -> Iterator[Callable[..., InProcessAgent]]:
    """Starts as many agents as a test wants; all are stopped after it."""
    yield from _maker()


@pytest.fixture(scope="session")
def consul_agent_session() -> Iterator[InProcessAgent]:
    """One agent for the whole run, for tests that clean up behind themselves."""
    for make in _maker():
        yield make()


def _maker() -> Iterator[Callable[..., InProcessAgent]]:
    with ExitStack() as running:  # also one that failed meanwhile leaves no other behind

        def make(**settings: Any) -> InProcessAgent:
            from pyconsul.testing.in_process import InProcessAgent

            return running.enter_context(InProcessAgent(**settings))

        yield make
