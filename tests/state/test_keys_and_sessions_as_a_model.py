"""Keys, locks and sessions against a model: plain dicts in which what Consul promises is written down once more."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from pyconsul.memdb import Store, WatchSet
from pyconsul.server import families
from pyconsul.server.fsm.kv import apply_kvs
from pyconsul.server.fsm.session import create_session
from pyconsul.server.state import catalog, kv, sessions
from pyconsul.structs.catalog import RegisterRequest
from pyconsul.structs.health import HealthCheck
from pyconsul.structs.kv import DirEntry, KVSRequest
from pyconsul.structs.session import Session

KEYS = st.sampled_from(["a", "a/1", "a/2", "a/1/x", "b"])
PREFIXES = ("a", "a/", "a/1", "b", "c", "")
IDS = st.sampled_from(["s1", "s2"])
VALUES = st.sampled_from([b"", b"v", b"w"])


@dataclass(frozen=True)
class Pair:
    """What the model knows of one key."""

    value: bytes
    session: str
    lock_index: int
    created: int
    modified: int


class KeysAndSessions(RuleBasedStateMachine):
    """Writes in any order; after each the store says what the model says, and whoever waited for it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.db = Store(families.TABLES)
        self.index = 10
        self.pairs: dict[str, Pair] = {}
        self.sessions: dict[str, str] = {}
        self.tombstones: dict[str, int] = {}
        self.whole = 0  # the index of the last write that changed anything
        self.watches: dict[str, tuple[WatchSet, list[DirEntry]]] = {}
        catalog.register(self.db, 1, RegisterRequest(Node="n", Address="127.0.0.1"))
        self.passing(1)

    def passing(self, index: int, status: str = "passing") -> None:
        """Set the status of the check on which all sessions lean."""
        catalog.put_check(self.db, index, HealthCheck(Node="n", CheckID="c", Name="c", Status=status))

    def apply(self, op: str, key: str, value: bytes = b"", session: str = "", modified: int = 0) -> bool | None:
        """Apply one log entry at the next index."""
        self.index += 1
        entry = DirEntry(Key=key, Value=value, Session=session, ModifyIndex=modified)
        with self.db.transaction():
            return apply_kvs(self.db, self.index, KVSRequest(Op=op, DirEnt=entry))

    def put(self, key: str, value: bytes, session: str, lock_index: int) -> None:
        """What a write makes of the model: nothing where it changes nothing."""
        old = self.pairs.get(key)
        new = Pair(value, session, lock_index, old.created if old else self.index, self.index)
        if old is None or replace(new, modified=old.modified) != old:
            self.pairs[key] = new
            self.whole = self.index

    def deleted(self, key: str) -> None:
        """What a delete makes of the model: a tombstone instead of the pair."""
        if self.pairs.pop(key, None):
            self.tombstones[key] = self.whole = self.index

    def modified(self, key: str) -> int:
        """The index that a check-and-set has to name."""
        return self.pairs[key].modified if key in self.pairs else 0

    @rule(key=KEYS, value=VALUES)
    def set(self, key: str, value: bytes) -> None:
        """A plain write leaves the lock with its holder, and its count at none."""
        self.apply("set", key, value)
        self.put(key, value, self.pairs[key].session if key in self.pairs else "", 0)

    @rule(key=KEYS, value=VALUES, off=st.sampled_from([0, 0, 1]))
    def cas(self, key: str, value: bytes, off: int) -> None:
        """It happens for the very index that the key has."""
        assert self.apply("cas", key, value, modified=self.modified(key) + off) is (off == 0)
        if not off:
            self.put(key, value, self.pairs[key].session if key in self.pairs else "", 0)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        """A key goes, whoever holds it."""
        self.apply("delete", key)
        self.deleted(key)

    @rule(key=KEYS, off=st.sampled_from([0, 0, 1]))
    def delete_cas(self, key: str, off: int) -> None:
        """A key that is not there is as good as deleted."""
        there = key in self.pairs
        assert self.apply("delete-cas", key, modified=self.modified(key) + off) is (off == 0 or not there)
        if not off:
            self.deleted(key)

    @rule(prefix=st.sampled_from(PREFIXES))
    def delete_tree(self, prefix: str) -> None:
        """All keys that begin so go; one tombstone stands for them, but none where all is gone."""
        self.apply("delete-tree", prefix)
        below = [key for key in self.pairs if key.startswith(prefix)]
        for key in below:
            del self.pairs[key]
        if below:
            self.whole = self.index
        if below and prefix:
            self.tombstones[prefix] = self.index

    @rule(session=IDS, behavior=st.sampled_from(["release", "delete"]))
    def begin(self, session: str, behavior: str) -> None:
        """A session begins that is not there yet."""
        if session not in self.sessions:
            self.index += 1
            create_session(self.db, self.index, Session(ID=session, Node="n", NodeChecks=["c"], Behavior=behavior))
            self.sessions[session] = behavior

    @rule(key=KEYS, value=VALUES, session=IDS)
    def lock(self, key: str, value: bytes, session: str) -> None:
        """Whoever holds a key may take it again; only a free one counts one more."""
        if session not in self.sessions:
            return
        old = self.pairs.get(key)
        taken = old is None or old.session in {"", session}
        assert self.apply("lock", key, value, session) is taken
        if taken:
            again = old is not None and old.session == session
            self.put(key, value, session, (old.lock_index if old else 0) + (not again))

    @rule(key=KEYS, value=VALUES, session=IDS)
    def unlock(self, key: str, value: bytes, session: str) -> None:
        """Only the holder gives a key back."""
        old = self.pairs.get(key)
        holds = old is not None and old.session == session
        assert self.apply("unlock", key, value, session) is holds
        if holds:
            self.put(key, value, "", self.pairs[key].lock_index)

    @rule(back=st.integers(0, 5))
    def reap(self, back: int) -> None:
        """Old tombstones go, which changes no pair."""
        kv.reap_tombstones(self.db, self.index - back)
        self.tombstones = {key: index for key, index in self.tombstones.items() if index > self.index - back}

    @rule(session=IDS)
    def end(self, session: str) -> None:
        """Its keys are free or gone, as it was to be."""
        self.index += 1
        with self.db.transaction():
            sessions.destroy_session(self.db, self.index, session)
        self.ended(session)

    @precondition(lambda self: self.sessions)
    @rule()
    def check_fails(self) -> None:
        """All sessions that lean on the check end with it."""
        self.index += 1
        with self.db.transaction():
            self.passing(self.index, "critical")
        for session in list(self.sessions):
            self.ended(session)
        self.passing(self.index)

    def ended(self, session: str) -> None:
        """What the end of a session makes of the model."""
        behavior = self.sessions.pop(session, "")
        for key, pair in list(self.pairs.items()):
            if behavior and pair.session == session:
                if behavior == "delete":
                    self.deleted(key)
                else:
                    self.put(key, pair.value, "", pair.lock_index)

    @invariant()
    def the_pairs_are_those_of_the_model(self) -> None:
        """In every field, and in the order of their keys."""
        found = {
            e.Key: Pair(e.Value or b"", e.Session or "", e.LockIndex, e.CreateIndex, e.ModifyIndex)
            for e in kv.entries_below(self.db, "")[1]
        }
        assert found == self.pairs
        assert list(found) == sorted(found)
        assert {s.ID for s in sessions.all_sessions(self.db)} == set(self.sessions)

    def naive_index(self, prefix: str) -> int:
        """Of the youngest pair or tombstone below the prefix, or of the whole store where there is none."""
        pairs = ((key, pair.modified) for key, pair in self.pairs.items())
        below = [index for key, index in (*pairs, *self.tombstones.items()) if key.startswith(prefix)]
        return max(below, default=0) if prefix and below else self.whole

    @invariant()
    def who_waited_was_told_of_what_is_new(self) -> None:
        """The index of a prefix is that of its last pair or tombstone; a read that is different now has fired."""
        for prefix in PREFIXES:
            ws = WatchSet(quiet=WatchSet())
            index, entries = kv.entries_below(self.db, prefix, ws)
            assert index == self.naive_index(prefix)
            if prefix in self.watches:
                old, before = self.watches[prefix]
                assert old.fired or entries == before
                old.close()
            self.watches[prefix] = ws, entries


def test_keys_locks_and_sessions_are_what_the_model_says() -> None:
    """Whatever is written in whatever order, nothing is lost, held twice or changed without an index that says so."""
    run_state_machine_as_test(KeysAndSessions, settings=settings(max_examples=40, stateful_step_count=30))
