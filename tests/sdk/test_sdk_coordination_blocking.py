"""Sessions, locks, semaphores, elections, heartbeats and views of the blocking client, against a real agent."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pyconsul.sdk import Client, errors
from pyconsul.sdk.kv import get_request, list_request
from pyconsul.sdk.lock import LOCK_FLAG
from pyconsul.sdk.threads import Background, Interrupted, Signal, raise_if_stopped, sleep
from pyconsul.testing import InProcessAgent

SOON = 30.0  # seconds until a test gives up, also on a busy machine


@pytest.fixture
def consul(consul_agent: InProcessAgent) -> Client:
    """A blocking client of a fresh agent."""
    return consul_agent.client


def in_thread(work: Callable[[], object]) -> threading.Thread:
    """Start work in a thread of the test."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_session_lives_as_long_as_its_block(consul: Client) -> None:
    """It is there inside and gone afterwards."""
    with consul.session(name="s", ttl=10) as kept:
        held = kept.id
        assert consul.session.info(held) is not None
    assert consul.session.info(held) is None


def threads_of_the_sdk() -> int:
    """How many there are; others, of the agent or of former tests, come and go."""
    return sum(thread.name == "pyconsul-sdk" for thread in threading.enumerate())


def test_a_lock_is_held_inside_its_block(consul: Client) -> None:
    """With Consul's flag and our session; its threads end with it."""
    before = threads_of_the_sdk()
    with consul.lock("l", value="me") as lock:
        entry = consul.kv.get("l")
        assert entry is not None
        assert (entry.Flags, entry.Value, entry.Session) == (LOCK_FLAG, b"me", lock.session)
    assert threads_of_the_sdk() == before
    assert consul.session.list() == []


def test_a_second_lock_waits_for_the_first(consul: Client) -> None:
    """It gets it as soon as the first is given back."""
    got = threading.Event()

    def second() -> None:
        with consul.lock("l"):
            got.set()

    with consul.lock("l"):
        thread = in_thread(second)
        assert not got.wait(0.1)
    assert got.wait(SOON)
    thread.join(SOON)


def test_trying_once_gives_up(consul: Client) -> None:
    """After its wait, without leaving a session behind."""
    with consul.lock("l"):
        assert not consul.lock("l", try_once=True, wait=0.05).acquire()
        assert len(consul.session.list()) == 1


def test_a_lock_says_when_it_is_lost(consul: Client) -> None:
    """The monitor is a thread that waits in a blocking query."""
    with consul.lock("l") as lock:
        assert not lock.lost.is_set()
        consul.kv.delete("l")
        assert lock.lost.wait(SOON)


def test_a_key_of_somebody_else_is_no_lock(consul: Client) -> None:
    """Its flag says so."""
    consul.kv.put("l", "data")
    with pytest.raises(errors.LockConflict):
        consul.lock("l").acquire()


def test_a_semaphore_has_as_many_slots_as_its_limit(consul: Client) -> None:
    """The second contender of one gives up when told to try once."""
    with consul.semaphore("s", 1), pytest.raises(errors.SemaphoreNotAcquired):
        consul.semaphore("s", 1, try_once=True, wait=0.05).__enter__()
    with consul.semaphore("s", 1):
        pass


def test_there_is_one_leader_at_a_time(consul: Client) -> None:
    """When it steps down, the other candidate takes over."""
    first = consul.leader_election("lead", value="one")
    first.start()
    assert first.elected.wait(SOON)
    with consul.leader_election("lead", value="two") as second:
        assert not second.is_leader
        first.stop()
        assert second.elected.wait(SOON)
    assert second.leader() is None
    assert consul.session.list() == []


def test_a_ttl_check_is_kept_passing(consul: Client) -> None:
    """It reports what the program says, and critical at the end."""
    consul.agent.register_check({"Name": "job", "TTL": "10s"})
    with consul.ttl_check("job", ttl=10):
        assert consul.agent.checks()["job"].Status == "passing"
    assert consul.agent.checks()["job"].Status == "critical"


def test_a_view_keeps_the_newest_value(consul: Client) -> None:
    """A thread follows, and ends with the block."""
    before = threads_of_the_sdk()
    with consul.view(list_request("v/")) as view:
        consul.kv.put("v/a", "1")
        assert view.next(SOON)
        assert [entry.Key for entry in view.value] == ["v/a"]
    assert threads_of_the_sdk() == before


def test_a_watch_follows_a_key(consul: Client) -> None:
    """A plain for loop over changes."""
    seen: list[bytes | None] = []
    for reply in consul.watch(get_request("k")):
        seen.append(reply.value.Value if reply.value else None)
        if len(seen) == 2:
            break
        consul.kv.put("k", "1")
    assert seen == [None, b"1"]


def test_many_threads_can_share_a_client(consul: Client) -> None:
    """Each exchange has its connection; nothing is mixed up."""
    wrong: list[str] = []

    def work(name: str) -> None:
        for turn in range(20):
            consul.kv.put(name, f"{name}{turn}")
            if consul.kv.raw(name) != f"{name}{turn}".encode():
                wrong.append(name)

    threads = [in_thread(lambda name=f"k{n}": work(name)) for n in range(8)]
    for thread in threads:
        thread.join(SOON)
    assert wrong == []


class Quiet:
    """A transport that has nothing to interrupt."""

    def interrupt(self, thread: int) -> None:
        """Nothing goes on."""


def test_background_work_that_sleeps_is_stopped_at_once() -> None:
    """The sleep ends with Interrupted, cleaning up may sleep again."""
    cleaned: list[str] = []

    def work() -> None:
        try:
            sleep(3600)  # nobody waits for its end
        except Interrupted:
            sleep(0.001)
            raise_if_stopped()
            cleaned.append("yes")
            raise

    background = Background(work, Quiet())
    background.stop()
    assert cleaned == ["yes"]


def test_cleaning_up_is_not_broken_off() -> None:
    """While an exchange is being broken off, the work cannot yet begin the exchanges of its cleaning up."""
    cleans = threading.Event()
    disturbed: list[bool] = []

    class Slow:
        def interrupt(self, thread: int) -> None:
            disturbed.append(cleans.wait(0.05))

    def work() -> None:
        try:
            sleep(60)
        finally:
            cleans.set()

    Background(work, Slow()).stop()
    assert cleans.is_set()
    assert not any(disturbed)


def test_background_work_that_waits_for_a_signal_is_stopped() -> None:
    """Although nobody ever sets it."""
    signal = Signal()

    def work() -> None:
        signal.wait()

    background = Background(work, Quiet())
    background.stop()
    assert not signal.is_set()


def test_an_error_of_background_work_comes_out_at_its_stop() -> None:
    """It is not lost in a thread."""

    def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Background(work, Quiet()).stop()


def test_a_signal_wakes_who_waits() -> None:
    """And can be cleared; a wait without it times out."""
    signal = Signal()
    assert not signal.wait(0.001)
    in_thread(signal.set)
    assert signal.wait(SOON)
    signal.clear()
    assert not signal.is_set()
