"""Frozen states: nothing is copied, so what writes replace must be kept, in order, and let go of in the end."""

import weakref
from random import Random

import msgspec
import pytest

from pyconsul.memdb import FrozenStore, Store, Table


class Row(msgspec.Struct, frozen=True, weakref=True):
    """A key and a value that tells versions apart."""

    key: str
    version: int = 0


SORTED: Table[Row] = Table(name="sorted", primary=lambda row: row.key, ordered=True)
LOOSE: Table[Row] = Table(name="loose", primary=lambda row: row.key)
KEYS = [f"{number:04d}" for number in range(1500)]  # several times what a walk takes at once


def a_store(random: Random) -> Store:
    """A store with two thirds of the keys in either table."""
    db = Store([SORTED, LOOSE])
    for table in (SORTED, LOOSE):
        for key in random.sample(KEYS, k=1000):
            db.put(table, Row(key))
    return db


def write(db: Store, table: Table[Row], random: Random) -> None:
    """A few random writes, of which some are undone."""
    try:
        with db.transaction():
            for _ in range(random.randrange(8)):
                key = random.choice(KEYS)
                if random.random() < 0.5:
                    db.delete(table, key)
                else:
                    db.put(table, Row(key, random.randrange(1, 1000)))
            if random.random() < 0.2:
                raise KeyError
    except KeyError:
        pass


@pytest.mark.parametrize("table", [SORTED, LOOSE], ids=lambda table: table.name)
@pytest.mark.parametrize("seed", range(10))
def test_a_walk_gives_its_moment_whatever_is_written_on_the_way(seed: int, table: Table[Row]) -> None:
    """Each row as it was, once, in the order of the keys; those that went too, those that came not."""
    random = Random(seed)
    db = a_store(random)
    write(db, table, random)
    expected = db.all(table)
    walk = db.snapshot().each(table)
    found: list[Row] = []
    for row in walk:
        found.append(row)
        write(db, table, random)
    assert found == expected


@pytest.mark.parametrize("seed", range(5))
def test_states_of_several_moments_stand_beside_each_other(seed: int) -> None:
    """Each has its own rows, count and answers to look-ups."""
    random = Random(seed)
    db = a_store(random)
    moments: list[tuple[FrozenStore, list[Row]]] = []
    for _ in range(5):
        moments.append((db.snapshot(), db.all(SORTED)))
        for _ in range(50):
            write(db, SORTED, random)
    for frozen, rows in moments:
        assert frozen.all(SORTED) == rows
        assert frozen.count(SORTED) == len(rows)
        by_key = {row.key: row for row in rows}
        assert [frozen.get(SORTED, key) for key in KEYS] == [by_key.get(key) for key in KEYS]


@pytest.mark.parametrize("table", [SORTED, LOOSE], ids=lambda table: table.name)
def test_a_walk_goes_on_while_its_store_is_dismantled(table: Table[Row]) -> None:
    """A restore may swap the store while a snapshot of the state before it is being saved."""
    db = a_store(Random(1))
    expected = db.all(table)
    frozen = db.snapshot()
    dismantling = db.dismantle()
    found: list[Row] = []
    for row in frozen.each(table):
        found.append(row)
        next(dismantling, None)
    assert found == expected
    for _ in dismantling:
        pass
    assert frozen.all(table) == expected


def test_what_was_replaced_is_kept_only_while_the_state_is_held() -> None:
    """Nobody has to close a frozen state; letting go of it is enough."""
    db = Store([SORTED])
    db.put(SORTED, Row("a"))
    old = weakref.ref(db.all(SORTED)[0])
    frozen = db.snapshot()
    db.put(SORTED, Row("a", 1))
    assert old() is not None
    del frozen
    assert old() is None
