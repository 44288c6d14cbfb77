"""When a secret of Vault is fetched again, by what its answer tells of its time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from pyconsul.toolkit.leases import is_rotating_now, lease_pause

DEFAULT = 300.0


@pytest.mark.parametrize(
    ("seconds", "threshold", "dice", "pause"),
    [
        (100, 0.9, 0.0, 85.0),
        (100, 0.9, 1.0, 95.0),
        (100, 0.98, 1.0, 98.0),
        (100, 0.95, 1.0, 95.0),
        (100, 0.05, 0.0, 5.0),
        (1, 0.9, 0.5, 0.9),
    ],
)
def test_chance_moves_a_pause_around_the_threshold(seconds: int, threshold: float, dice: float, pause: float) -> None:
    """By a twentieth at most; where that would be all of the lease or nothing, the threshold itself counts."""
    assert lease_pause({"lease_duration": seconds}, DEFAULT, threshold, dice) == pytest.approx(pause)


@pytest.mark.parametrize(
    ("item", "pause"),
    [
        ({"data": {"secret_id_ttl": 99}}, 270.0),
        ({"data": {"rotation_period": 60}}, 270.0),
        ({"data": {"ttl": 9}}, 270.0),
        ({"lease_id": "l", "lease_duration": 100, "data": {"secret_id": "s", "secret_id_ttl": 9}}, 90.0),
        ({"lease_id": "l", "lease_duration": 100, "data": {"rotation_period": 60, "ttl": 9}}, 90.0),
        ({"lease_duration": [1]}, 270.0),
    ],
)
def test_data_tell_a_time_by_two_words_together_and_only_without_a_lease(item: Mapping[str, Any], pause: float) -> None:
    """A secret may well have a field of such a name; and Vault itself ends a lease."""
    assert lease_pause(item, DEFAULT, 0.9, 0.5) == pytest.approx(pause)


@pytest.mark.parametrize(
    ("item", "pause"),
    [
        ({"certificate": "PEM"}, 900.0),
        ({}, 270.0),
    ],
)
def test_a_certificate_without_a_lease_is_good_until_it_expires(item: Mapping[str, Any], pause: float) -> None:
    """Its answer tells that moment, and no duration."""
    answer = {"data": {**item, "expiration": time.time() + 1000}}
    assert lease_pause(answer, DEFAULT, 0.9, 0.5) == pytest.approx(pause, abs=5)


@pytest.mark.parametrize(
    ("item", "is_over"),
    [
        ({"data": {"rotation_period": 60, "ttl": 0}}, True),
        ({"data": {"rotation_period": 60, "ttl": 1}}, False),
        ({"data": {"rotation_period": 60, "ttl": None}}, False),
        ({"data": {"ttl": 0}}, False),
        ({"lease_id": "l", "data": {"rotation_period": 60, "ttl": 0}}, False),
    ],
)
def test_a_secret_is_being_rotated_while_it_has_no_time_left(item: Mapping[str, Any], is_over: bool) -> None:
    """Zero seconds mean that only where Vault rotates it."""
    assert is_rotating_now(item) is is_over
