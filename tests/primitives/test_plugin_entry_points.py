"""Finding providers by entry point."""

from __future__ import annotations

import pytest

from pyconsul.primitives.plugins import load


def test_a_provider_is_found_by_its_name() -> None:
    """Ours are declared the same way as anybody's."""
    assert load("snapshot_storage", "local").__module__ == "pyconsul_snapshot_agent.storage.local"


def test_an_unknown_name_lists_the_known_ones() -> None:
    """Also where there are none."""
    with pytest.raises(LookupError, match="no snapshot_storage provider 'tape', known: azure, gcs, local, s3"):
        load("snapshot_storage", "tape")
    with pytest.raises(LookupError, match="known: none"):
        load("nothing", "x")
