"""Adding to what a token or role is given already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyconsul.sdk.results import Json


def with_new(links: list[Json], field: str, values: Iterable[str]) -> list[Json]:
    """Links with one more for each value that no link has in ``field`` (ID or Name)."""
    found = list(links)
    for value in values:
        if all(link.get(field) != value for link in found):
            found.append({field: value})
    return found


def with_services(there: list[Json] | None, new: list[Json]) -> list[Json]:
    """Service identities; a new one takes the place of the one with its name, datacenters included."""
    by_name = {one["ServiceName"]: one for one in reversed(there or [])}
    found = list(there or ())
    for one in new:
        old = by_name.get(one["ServiceName"])
        if old is None:
            found.append(one)
        else:
            found[found.index(old)] = one
        by_name[one["ServiceName"]] = one
    return found


def with_nodes(there: list[Json] | None, new: list[Json]) -> list[Json]:
    """Node identities; one that is there already is not added."""
    found = list(there or ())
    for one in new:
        if one not in found:
            found.append(one)
    return found
