"""When the tools' garbage is collected."""

from __future__ import annotations

import gc
from collections.abc import Generator

import pytest

from pyconsul.toolkit import collection


@pytest.fixture(autouse=True)
def as_before() -> Generator[None]:
    """Collection goes on as it did."""
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_during_a_start() -> None:
    """Until it settles."""
    collection.hold()
    assert not gc.isenabled()


def test_what_a_start_made_is_left_alone_afterwards() -> None:
    """Collection goes on, without what there is."""
    collection.hold()
    collection.settle()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
