"""Where a query goes when its own datacenter has no instance: which places, in which order."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.server.endpoints.prepared_query_failover import targets
from pyconsul.structs.prepared_query import QueryFailoverOptions, QueryFailoverTarget

NEAREST = ["near", "middle", "far"]


def places(**options: Any) -> list[str]:
    """The datacenters and peers that are tried."""
    found = targets(QueryFailoverOptions(**options), NEAREST)
    return [one.Datacenter or f"peer {one.Peer}" for one in found]


@pytest.mark.parametrize(
    ("options", "tried"),
    [
        ({}, []),
        ({"NearestN": 2}, ["near", "middle"]),
        ({"NearestN": 9}, ["near", "middle", "far"]),
        ({"NearestN": -1}, []),
        ({"Datacenters": ["far", "near"]}, ["far", "near"]),
        ({"NearestN": 1, "Datacenters": ["far", "near"]}, ["near", "far"]),
        ({"Datacenters": ["moon", "far"]}, ["far"]),
        ({"NearestN": 1, "Datacenters": ["moon"]}, ["near"]),
    ],
)
def test_the_nearest_datacenters_come_before_those_that_are_named(options: dict[str, Any], tried: list[str]) -> None:
    """Each is tried once; one that nobody knows is skipped."""
    assert places(**options) == tried


def test_targets_may_be_peers_and_stand_where_they_are_named() -> None:
    """One that names neither a datacenter nor a peer is none."""
    named = [QueryFailoverTarget(Peer="p"), QueryFailoverTarget(Datacenter="far"), QueryFailoverTarget()]
    assert places(Targets=named) == ["peer p", "far"]
