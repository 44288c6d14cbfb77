"""An agent's local side without servers, on files below a folder."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from pyconsul.agent.checks.runner import CheckRunner
from pyconsul.agent.local.loading import Loader, registered_service
from pyconsul.agent.local.maintenance import Maintenance
from pyconsul.agent.local.registrations import NewService, Registrations
from pyconsul.agent.local.sidecar import sidecar_of
from pyconsul.agent.local.state import LocalState, NodeFacts
from pyconsul.agent.local.sync import Syncer
from pyconsul.agent.local.tokens import Tokens
from pyconsul.agent.persistence import LocalFiles
from pyconsul.config import load
from pyconsul.structs.catalog import HealthCheck, NodeService
from pyconsul.structs.definitions import check_definition_from, service_definition_from

FACTS = NodeFacts(datacenter="dc1", node="here", node_id="id", address="1.1.1.1", tagged_addresses={}, meta={})


SECOND = 1_000_000_000


HOUR = 3600 * SECOND


def files_below(folder: Path) -> list[Path]:
    """All files, at any depth."""
    return [path for path in folder.rglob("*") if path.is_file()]


async def no_rpc(method: str, ask: Any) -> Any:
    """Nobody is asked in these tests."""
    raise AssertionError(f"{method} {ask}")


class Place:
    """Everything around ``registrations``, on files below ``folder``; checks first run after an hour."""

    def __init__(self, folder: str = "", **settings: Any) -> None:
        hcl = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        config = load({"dev": True, "node": "here", "hcl": hcl}, {}).runtime
        self.state = LocalState(FACTS, on_change=lambda: self.syncer.wake(), stagger=lambda t: t)
        self.syncer = Syncer(self.state, no_rpc, Tokens())
        self.files = LocalFiles(folder)
        self.checks = CheckRunner(self.state, no_rpc, stagger=lambda _: 3600.0)
        self.registrations = Registrations(config, self.state, self.syncer, self.checks, self.files)
        self.maintenance = Maintenance(self.state, self.registrations)
        self.loader = Loader(self.state, self.registrations, self.files)

    def flush(self) -> None:
        """Write what waits to be written."""
        self.files.flush_now()

    def register(self, **body: Any) -> None:
        """Register as the API does."""
        definition = service_definition_from(body)
        service = registered_service(definition)
        self.registrations.add_service(NewService(service=service, checks=definition.check_types(), persist=True))
        if definition.Sidecar is not None:
            nested = NewService(
                service=sidecar_of(service, definition.Sidecar),
                checks=definition.Sidecar.check_types(),
                persist=True,
                is_sidecar=True,
            )
            self.registrations.add_service(nested)

    def register_check(self, **body: Any) -> None:
        """Register a check as the API does."""
        definition = check_definition_from(body)
        check = definition.health_check("here")
        self.registrations.add_check(check, definition.type, from_config=False, persist=True)

    def service(self, service_id: str) -> NodeService:
        """A service that must be there."""
        found = self.state.service(service_id)
        assert found is not None, [each.ID for each in self.state.services()]
        return found

    def check(self, check_id: str) -> HealthCheck:
        """A check that must be there."""
        found = self.state.check(check_id)
        assert found is not None, [each.CheckID for each in self.state.checks()]
        return found


@pytest.fixture
async def place_at() -> AsyncIterator[Callable[..., Place]]:
    """Makes places and stops their checks at the end."""
    made: list[Place] = []

    def make(folder: str = "", **settings: Any) -> Place:
        made.append(Place(folder, **settings))
        return made[-1]

    yield make
    for each in made:
        await each.checks.close()


@pytest.fixture
async def place(place_at: Callable[..., Place]) -> Place:
    """A place that keeps nothing."""
    return place_at()
