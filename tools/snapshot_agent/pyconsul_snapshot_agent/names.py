"""Names of stored archives and which of them are kept: ``consul-<ID>.snap``, the ID being nanoseconds since 1970."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

_NAME: Final = re.compile(r"consul-([0-9]{1,20})\.snap", re.ASCII)


def name_of(snapshot_id: int) -> str:
    """The file name of an ID."""
    return f"consul-{snapshot_id}.snap"


def id_of(name: str) -> int | None:
    """The ID in a file name; None for a file that is no business of ours."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def taken_at(snapshot_id: int) -> str:
    """When the snapshot was taken: ``2006-01-02T15:04:05Z``; empty for an ID that is no time."""
    try:
        moment = datetime.fromtimestamp(snapshot_id // 1_000_000_000, UTC)
    except (OverflowError, OSError, ValueError):
        return ""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def surplus(names: Iterable[str], retain: int, saved: int) -> list[str]:
    """The archives beyond the newest ``retain``, oldest first; 0 keeps all.

    ``saved``, the ID that was stored just now, always stays: the clock of an earlier leader may have been ahead,
    and then the newest data does not have the highest ID.
    """
    if retain <= 0:
        return []
    ids = sorted({found for name in names if (found := id_of(name)) is not None and found != saved})
    return [name_of(each) for each in ids[: max(0, len(ids) - (retain - 1))]]
