"""The store: rows, indexes, order, transactions."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.memdb import Index, Store, Table


class Fruit(msgspec.Struct, frozen=True):
    """A row with a key, a colour to find it by, and any number of uses."""

    name: str
    colour: str = "green"
    uses: tuple[str, ...] = ()


FRUIT: Table[Fruit] = Table(
    name="fruit",
    primary=lambda f: f.name,
    indexes={"colour": Index(lambda f: (f.colour,), ordered=True), "use": Index(lambda f: f.uses)},
    ordered=True,
)


@pytest.fixture
def db() -> Store:
    """An empty store with one table."""
    return Store([FRUIT])


def test_rows_come_back_in_the_order_of_their_keys(db: Store) -> None:
    """Whatever the order of insertion, ``all`` and ``where`` list rows by primary key."""
    for name in ("pear", "apple", "lime"):
        db.put(FRUIT, Fruit(name))
    assert [f.name for f in db.all(FRUIT)] == ["apple", "lime", "pear"]
    assert [f.name for f in db.where(FRUIT, "colour", "green")] == ["apple", "lime", "pear"]


def test_a_changed_row_moves_between_index_values(db: Store) -> None:
    """A row is found under its new value and no longer under the old one."""
    db.put(FRUIT, Fruit("apple", "green"))
    db.put(FRUIT, Fruit("apple", "red"))
    assert db.where(FRUIT, "colour", "green") == []
    assert db.where(FRUIT, "colour", "red") == [Fruit("apple", "red")]
    assert db.index_values(FRUIT, "colour") == ["red"]


def test_a_row_may_be_found_under_many_values_or_none(db: Store) -> None:
    """An index gives each row any number of values."""
    db.put(FRUIT, Fruit("apple", uses=("pie", "juice")))
    db.put(FRUIT, Fruit("lime"))
    assert [f.name for f in db.where(FRUIT, "use", "pie")] == ["apple"]
    assert db.count_where(FRUIT, "use", "juice") == 1
    assert db.where(FRUIT, "use", "soup") == []


def test_an_exception_undoes_the_whole_transaction(db: Store) -> None:
    """Inserts, changes and deletes of a failed transaction leave no trace."""
    db.put(FRUIT, Fruit("apple"))
    db.put(FRUIT, Fruit("pear"))
    with pytest.raises(RuntimeError), db.transaction():
        db.put(FRUIT, Fruit("lime"))
        db.put(FRUIT, Fruit("apple", "red"))
        db.delete(FRUIT, "pear")
        raise RuntimeError
    assert db.all(FRUIT) == [Fruit("apple"), Fruit("pear")]
    assert db.where(FRUIT, "colour", "red") == []


def test_a_savepoint_undoes_only_what_came_after_it(db: Store) -> None:
    """What the transaction wrote before the savepoint stays."""
    with db.transaction():
        db.put(FRUIT, Fruit("apple"))
        with pytest.raises(RuntimeError), db.savepoint():
            db.put(FRUIT, Fruit("pear"))
            raise RuntimeError
    assert db.all(FRUIT) == [Fruit("apple")]


def test_notes_are_delivered_after_the_commit_and_never_after_an_undo() -> None:
    """Whoever hears of a note finds the rows of its transaction in place."""
    heard: list[tuple[object, int]] = []
    db = Store([FRUIT], lambda note: heard.append((note, db.count(FRUIT))))
    with db.transaction():
        db.note("early")
        db.put(FRUIT, Fruit("apple"))
        assert heard == []
    with pytest.raises(RuntimeError), db.transaction():
        db.note("never")
        raise RuntimeError
    with db.transaction():
        with pytest.raises(RuntimeError), db.savepoint():
            db.note("undone")
            raise RuntimeError
        db.note("late")
    assert heard == [("early", 1), ("late", 1)]


def test_two_tables_of_one_name_are_refused() -> None:
    """A store says so when its declarations clash."""
    with pytest.raises(ValueError, match="fruit"):
        Store([FRUIT, FRUIT])


def test_a_walk_over_a_snapshot_may_stop_while_others_write(db: Store) -> None:
    """What comes out later is what was there when the snapshot was taken, in key order."""
    for name in ("pear", "apple", "lime"):
        db.put(FRUIT, Fruit(name))
    walk = db.snapshot().each(FRUIT)
    first = next(walk)
    db.delete(FRUIT, "lime")
    db.put(FRUIT, Fruit("banana"))
    assert [first.name, *(f.name for f in walk)] == ["apple", "lime", "pear"]


def test_a_store_is_freed_bit_by_bit(db: Store) -> None:
    """Every step frees a few rows; in the end there are none."""
    for number in range(600):
        db.put(FRUIT, Fruit(str(number)))
    counts = [db.count(FRUIT) for _ in db.dismantle()]
    assert counts == sorted(counts, reverse=True)
    assert max(a - b for a, b in zip([600, *counts], counts, strict=False)) < 300
    assert db.count(FRUIT) == 0


def test_a_snapshot_does_not_see_later_writes(db: Store) -> None:
    """A frozen store keeps the rows of its moment, in key order."""
    db.put(FRUIT, Fruit("pear"))
    db.put(FRUIT, Fruit("apple"))
    frozen = db.snapshot()
    db.delete(FRUIT, "pear")
    db.put(FRUIT, Fruit("lime"))
    assert [f.name for f in frozen.all(FRUIT)] == ["apple", "pear"]
    assert frozen.get(FRUIT, "lime") is None


NAMES = st.text("ab/", max_size=4)
STEPS = st.lists(st.tuples(st.sampled_from(["put", "delete"]), NAMES, st.sampled_from(["red", "green"])), max_size=40)


@given(STEPS, NAMES)
def test_the_store_agrees_with_a_plain_dict(steps: list[tuple[str, str, str]], prefix: str) -> None:
    """After any writes, reads by key, prefix and index are those of a dict that is sorted and searched."""
    db = Store([FRUIT])
    model: dict[str, Fruit] = {}
    for what, name, colour in steps:
        if what == "put":
            db.put(FRUIT, Fruit(name, colour))
            model[name] = Fruit(name, colour)
        else:
            assert db.delete(FRUIT, name) == model.pop(name, None)
    ordered = [model[name] for name in sorted(model)]
    assert db.all(FRUIT) == ordered
    assert db.prefix(FRUIT, prefix) == [f for f in ordered if f.name.startswith(prefix)]
    assert db.where(FRUIT, "colour", "red") == [f for f in ordered if f.colour == "red"]
    assert list(db.in_order_of(FRUIT, "colour")) == sorted(ordered, key=lambda f: f.colour)
    assert sorted(db.unsorted(FRUIT), key=lambda f: f.name) == ordered
