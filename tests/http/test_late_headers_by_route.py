"""Some routes of Consul write the status of a 404 before the headers of the read: only its compressor holds both back.

So clients that take gzip, as all do that are written in Go, see the index of the read, and ``curl`` does not.
"""

from collections.abc import AsyncIterator

import pytest

from tests.http.conftest import Wire, connected, running

ROOT = "2b778dd9-f5f1-6f29-b4b4-9a5fa948757a"
NOBODY = "59984e4c-5bf7-4722-96d0-98d53637c9df"
LATE_ROUTES = [
    "/v1/coordinate/node/nope",
    "/v1/internal/ui/node/nope",
    "/v1/acl/auth-method/nope",
    f"/v1/acl/binding-rule/{NOBODY}",
    f"/v1/acl/policy/{NOBODY}",
    "/v1/acl/policy/name/nope",
    f"/v1/acl/role/{NOBODY}",
    "/v1/acl/role/name/nope",
]


@pytest.fixture(name="wire")
async def wire_fixture() -> AsyncIterator[Wire]:
    """A connection to an agent with ACLs."""
    acl = f'acl {{ enabled = true  tokens {{ initial_management = "{ROOT}" }} }}'
    async with running(acl) as agent, connected(agent) as wire:
        yield wire


@pytest.mark.parametrize("path", LATE_ROUTES)
async def test_a_client_that_takes_gzip_sees_the_index_of_a_read_that_found_nothing(path: str, wire: Wire) -> None:
    """The compressor keeps the head until it knows whether the body is worth its work."""
    answer = await wire.get(path, f"X-Consul-Token: {ROOT}", "Accept-Encoding: gzip")
    assert answer.status == 404
    assert int(answer.headers["x-consul-index"]) >= 1
    assert answer.headers["x-consul-knownleader"] == "true"


@pytest.mark.parametrize("path", LATE_ROUTES)
async def test_another_client_does_not(path: str, wire: Wire) -> None:
    """Its answer has begun by the time that they are set."""
    answer = await wire.get(path, f"X-Consul-Token: {ROOT}")
    assert answer.status == 404
    assert not [name for name in answer.headers if name in ("x-consul-index", "x-consul-knownleader")]
