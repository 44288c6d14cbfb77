"""Maps are shown in the order of their keys, whatever order they came in."""

from pyconsul.primitives.key_order import by_key, deeply_by_key


def test_a_map_is_ordered_and_its_members_stay_as_they_are() -> None:
    """Members are values of a known type: a struct among them has an order of its own."""
    ordered = by_key({"b": {"z": 1, "a": 2}, "a": {}})
    assert list(ordered) == ["a", "b"]
    assert list(ordered["b"]) == ["z", "a"]


def test_an_untyped_value_is_ordered_through_and_through() -> None:
    """Also below lists, which keep their order."""
    ordered = deeply_by_key({"b": [{"z": 1, "a": 2}, 3], "a": None})
    assert list(ordered) == ["a", "b"]
    assert list(ordered["b"][0]) == ["a", "z"]
    assert ordered["b"][1] == 3
