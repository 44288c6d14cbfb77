"""Sessions, locks, semaphores, elections and heartbeats whose agent fails at the worst moment: both clients alike."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import pytest

from pyconsul.sdk import errors
from pyconsul.sdk.lock import LOCK_FLAG
from pyconsul.sdk.semaphore import SEMAPHORE_FLAG
from tests.sdk.conftest import Asked, Either, StubAgent, plain_answer
from tests.waiting import comes_true, until

SOON = 30.0  # seconds until a test gives up, also on a busy machine
FAILS = (500, "a stand-in that fails")
SESSION = (200, {"ID": "s1"})
RENEWED = (200, [{"ID": "s1", "TTL": "15s"}])
NONE = (404, "")


def entry(key: str, flags: int, value: str = "", **more: Any) -> tuple[int, Any]:
    """An answer with one key."""
    return 200, [{"Key": key, "Flags": flags, "Value": value, "ModifyIndex": 5, **more}]


class Script:
    """What a stand-in answers to each ``METHOD path``, in turn; the last answer stays. Parameters are noted apart."""

    def __init__(self, answers: dict[str, list[tuple[int, Any]]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, asked: Asked) -> bytes:
        """One answer."""
        route = f"{asked.method} {asked.target.partition('?')[0].removeprefix('/v1/')}"
        self.asked.append(f"{asked.method} {asked.target.removeprefix('/v1/')}")
        ready = self.answers.get(route, [(200, True)])
        status, body = ready.pop(0) if len(ready) > 1 else ready[0]
        text = body if isinstance(body, str) else json.dumps(body)
        return plain_answer(text.encode(), status, X_Consul_Index="5")


Scripted = Callable[[dict[str, list[tuple[int, Any]]]], Script]


@pytest.fixture
def scripted(stub: StubAgent) -> Scripted:
    """Tells the stand-in what to answer; sessions can be had unless it says otherwise."""

    def tell(answers: dict[str, list[tuple[int, Any]]]) -> Script:
        stub.answer = Script({"PUT session/create": [SESSION], "PUT session/renew/s1": [RENEWED], **answers})
        return stub.answer

    return tell


@contextmanager
def told(kind: type[Exception], text: str) -> Generator[None]:
    """The error that comes, and the whole of what it says."""
    with pytest.raises(kind) as caught:
        yield
    assert str(caught.value) == text


FAILED = "Unexpected response code: 500 (a stand-in that fails)"


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ({"PUT session/create": [FAILS]}, f"failed to create session: {FAILED}"),
        ({"GET kv/l": [FAILS]}, f"failed to read lock: {FAILED}"),
        ({"GET kv/l": [NONE], "PUT kv/l": [FAILS]}, f"failed to acquire lock: {FAILED}"),
    ],
)
def test_a_lock_that_cannot_be_had_says_where_it_failed(
    answers: dict[str, Any], text: str, client: Either, scripted: Scripted
) -> None:
    """In Consul's words."""
    scripted(answers)
    with told(errors.CoordinationFailed, text):
        client(lambda it: it.lock("l").acquire())


def test_a_lock_of_which_nobody_knows_whose_it_is_is_given_back(client: Either, scripted: Scripted) -> None:
    """The agent may have taken it for us before it failed; left alone, it would stay locked for its lock-delay."""
    script = scripted({"GET kv/l": [NONE], "PUT kv/l": [FAILS]})
    with pytest.raises(errors.CoordinationFailed):
        client(lambda it: it.lock("l").acquire())
    assert script.asked[-2:] == [f"PUT kv/l?flags={LOCK_FLAG}&release=s1", "PUT session/destroy/s1"]


def test_a_lock_that_is_ours_already_is_taken(client: Either, scripted: Scripted) -> None:
    """A session of the caller may hold it."""
    script = scripted({"GET kv/l": [entry("l", LOCK_FLAG, Session="mine")]})
    lock = client(lambda it: it.lock("l", session="mine"))
    assert client.settle(lock.acquire())
    client.settle(lock.release())
    assert not [asked for asked in script.asked if "acquire" in asked or "session/" in asked]


@pytest.mark.parametrize(
    ("answers", "kind", "text"),
    [
        ({"GET kv/l": [FAILS]}, errors.CoordinationFailed, f"failed to read lock: {FAILED}"),
        (
            {"GET kv/l": [entry("l", LOCK_FLAG)], "DELETE kv/l": [FAILS]},
            errors.CoordinationFailed,
            f"failed to remove lock: {FAILED}",
        ),
        ({"GET kv/l": [entry("l", LOCK_FLAG)], "DELETE kv/l": [(200, False)]}, errors.LockInUse, "Lock in use"),
        ({"GET kv/l": [entry("l", LOCK_FLAG, Session="s2")]}, errors.LockInUse, "Lock in use"),
        ({"GET kv/l": [entry("l", 7)]}, errors.LockConflict, "Existing key does not match lock use"),
    ],
)
def test_a_lock_that_cannot_go_says_why(
    answers: dict[str, Any], kind: type[Exception], text: str, client: Either, scripted: Scripted
) -> None:
    """Whoever takes it between our look and our removal keeps it."""
    scripted(answers)
    with told(kind, text):
        client(lambda it: it.lock("l").destroy())


def test_a_lock_that_is_not_there_has_gone(client: Either, scripted: Scripted) -> None:
    """Nothing is removed."""
    script = scripted({"GET kv/l": [NONE]})
    client(lambda it: it.lock("l").destroy())
    assert script.asked == ["GET kv/l"]


def test_a_lock_with_a_lock_delay_is_asked_for_again(client: Either, scripted: Scripted) -> None:
    """Free, but not to be had: nobody's query would wait for that, so we do."""
    free, ours = entry("l", LOCK_FLAG), entry("l", LOCK_FLAG, Session="s1")
    scripted({"GET kv/l": [free, free, free, ours], "PUT kv/l": [(200, False), (200, True)]})
    assert client(lambda it: it.lock("l", delay_retry=0.0).acquire())


def test_a_held_lock_is_not_destroyed(client: Either, scripted: Scripted) -> None:
    """It must be given back first; what cannot be given back says so."""
    scripted({"GET kv/l": [entry("l", LOCK_FLAG, Session="mine")], "PUT kv/l": [FAILS]})
    lock = client(lambda it: it.lock("l", session="mine"))
    client.settle(lock.acquire())
    with told(errors.LockHeld, "Lock already held"):
        client.settle(lock.destroy())
    with told(errors.LockHeld, "Lock already held"):
        client.settle(lock.acquire())
    with told(errors.CoordinationFailed, f"failed to release lock: {FAILED}"):
        client.settle(lock.release())
    with told(errors.LockNotHeld, "Lock not held"):
        client.settle(lock.release())


def within(holder: Any, error: Exception | None = None) -> Any:
    """Hold something for a block that does nothing or fails; for the async client it has to be awaited."""
    if not hasattr(holder, "__aenter__"):
        with holder:
            if error:
                raise error
        return None

    async def held() -> None:
        async with holder:
            if error:
                raise error

    return held()


def test_what_ended_a_block_matters_more_than_the_lock(client: Either, scripted: Scripted) -> None:
    """Where both fail, the error of the block comes out; alone, that of the lock does."""
    scripted({"GET kv/l": [entry("l", LOCK_FLAG, Session="mine")], "PUT kv/l": [FAILS]})
    with pytest.raises(KeyError):
        client(lambda it: within(it.lock("l", session="mine"), KeyError("x")))
    with told(errors.CoordinationFailed, f"failed to release lock: {FAILED}"):
        client(lambda it: within(it.lock("l", session="mine")))


def test_a_watched_lock_stands_some_failures(client: Either, scripted: Scripted) -> None:
    """As many looks in a row may fail as ``monitor_retries`` says; then it counts as lost."""
    ours = entry("l", LOCK_FLAG, Session="mine")
    script = scripted({"GET kv/l": [ours, FAILS, FAILS, ours, FAILS]})
    lock = client(lambda it: it.lock("l", session="mine", monitor_retries=2, monitor_retry_time=0.0))
    client.settle(lock.acquire())
    assert client.settle(lock.lost.wait(SOON))
    assert len(script.asked) >= 1 + 2 + 1 + 3


HOLDERS = '{"Limit":1,"Holders":{"s2":true}}'


def of_semaphore(value: str, *contenders: str) -> tuple[int, Any]:
    """The keys of a semaphore: its holders and the contenders with their sessions."""
    rows = [{"Key": "p/.lock", "Flags": SEMAPHORE_FLAG, "Value": b64encode(value.encode()).decode(), "ModifyIndex": 5}]
    rows += [{"Key": f"p/{it}", "Flags": SEMAPHORE_FLAG, "Session": it, "ModifyIndex": 5} for it in contenders]
    return 200, rows


@pytest.mark.parametrize(
    ("answers", "kind", "text"),
    [
        ({"PUT kv/p/s1": [FAILS]}, errors.CoordinationFailed, f"failed to make contender entry: {FAILED}"),
        ({"PUT kv/p/s1": [(200, False)]}, errors.CoordinationFailed, "failed to make contender entry: <nil>"),
        ({"GET kv/p": [FAILS]}, errors.CoordinationFailed, f"failed to read prefix: {FAILED}"),
        (
            {"GET kv/p": [NONE], "PUT kv/p/.lock": [FAILS]},
            errors.CoordinationFailed,
            f"failed to update lock: {FAILED}",
        ),
        (
            {"GET kv/p": [of_semaphore('{"Limit":3}')]},
            errors.SemaphoreConflict,
            "semaphore limit conflict (lock: 3, local: 1)",
        ),
        ({"GET kv/p": [entry("p/.lock", 7)]}, errors.SemaphoreConflict, "Existing key does not match semaphore use"),
    ],
)
def test_a_semaphore_that_cannot_be_had_says_where_it_failed(
    answers: dict[str, Any], kind: type[Exception], text: str, client: Either, scripted: Scripted
) -> None:
    """In Consul's words."""
    scripted(answers)
    with told(kind, text):
        client(lambda it: it.semaphore("p", 1).acquire())


@pytest.mark.parametrize(
    ("holders", "reason"),
    [
        ("x", "invalid character 'x' looking for beginning of value"),
        ('{"Limit":1} x', "invalid character 'x' after top-level value"),
        ("[]", "json: cannot unmarshal array into Go value of type api.semaphoreLock"),
        (
            '{"Limit":"a"}',
            "json: cannot unmarshal string into Go struct field semaphoreLock.Limit of type int",
        ),
    ],
)
def test_holders_that_nobody_can_read_are_an_error(
    holders: str, reason: str, client: Either, scripted: Scripted
) -> None:
    """Somebody else writes there; the reason is in Consul's words."""
    scripted({"GET kv/p": [of_semaphore(holders)]})
    with told(errors.CoordinationFailed, f"lock decoding failed: {reason}"):
        client(lambda it: it.semaphore("p", 1).acquire())


def test_a_slot_that_somebody_else_wrote_first_is_looked_at_again(client: Either, scripted: Scripted) -> None:
    """The holders' entry is only written over what we read."""
    script = scripted(
        {"GET kv/p": [NONE, of_semaphore('{"Limit":1,"Holders":{}}')], "PUT kv/p/.lock": [(200, False), (200, True)]}
    )
    assert client(lambda it: it.semaphore("p", 1).acquire())
    writes = [asked for asked in script.asked if asked.startswith("PUT kv/p/.lock")]
    assert [write.partition("&")[0] for write in writes] == ["PUT kv/p/.lock?cas=0", "PUT kv/p/.lock?cas=5"]


@pytest.mark.parametrize(
    ("answers", "kind", "text"),
    [
        ({"DELETE kv/p/.lock": [FAILS]}, errors.CoordinationFailed, f"failed to remove semaphore: {FAILED}"),
        ({"DELETE kv/p/.lock": [(200, False)]}, errors.SemaphoreInUse, "Semaphore in use"),
        ({"GET kv/p": [of_semaphore(HOLDERS, "s2")]}, errors.SemaphoreInUse, "Semaphore in use"),
    ],
)
def test_a_semaphore_that_cannot_go_says_why(
    answers: dict[str, Any], kind: type[Exception], text: str, client: Either, scripted: Scripted
) -> None:
    """Holders whose session has ended are none."""
    scripted({"GET kv/p": [of_semaphore(HOLDERS)], **answers})
    with told(kind, text):
        client(lambda it: it.semaphore("p", 1).destroy())


def test_a_held_semaphore_is_not_destroyed(client: Either, scripted: Scripted) -> None:
    """It must be given back first."""
    scripted({"GET kv/p": [of_semaphore('{"Limit":1,"Holders":{"s1":true}}', "s1")], "GET kv/p/.lock": [NONE]})
    slot = client(lambda it: it.semaphore("p", 1))
    client.settle(slot.acquire())
    with told(errors.SemaphoreHeld, "Semaphore already held"):
        client.settle(slot.destroy())
    client.settle(slot.release())


@pytest.fixture
def no_pauses(client: Either, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a session or a heartbeat sleeps is over in a moment, however long it is."""
    package = "pyconsul.sdk" if client.loop else "pyconsul.sdk.blocking"
    for name in ("keep", "ttl"):
        module = import_module(f"{package}.{name}")
        monkeypatch.setattr(module, "sleep", partial(_briefly, module.sleep))


def _briefly(sleep: Callable[[float], Any], seconds: float) -> Any:
    return sleep(0.001)


@pytest.mark.usefixtures("no_pauses")
def test_a_session_that_is_gone_is_lost_and_not_destroyed_again(client: Either, scripted: Scripted) -> None:
    """The agent does not know it any more when it is to be renewed."""
    script = scripted({"PUT session/renew/s1": [NONE]})
    kept = client(lambda it: it.session(name="n", ttl="1h"))
    client.settle(kept.start())
    assert client.settle(kept.lost.wait(SOON))
    with pytest.raises(errors.SessionExpired):
        kept.check()
    client.settle(kept.stop())
    assert script.asked == ["PUT session/create", "PUT session/renew/s1"]


@pytest.mark.usefixtures("no_pauses")
def test_a_renewed_session_goes_on_with_the_ttl_that_comes_back(client: Either, scripted: Scripted) -> None:
    """A server may have changed it; text that is no duration changes nothing."""
    ttls = ["3h", "soon", ""]
    script = scripted({"PUT session/renew/s1": [*((200, [{"ID": "s1", "TTL": ttl}]) for ttl in ttls), NONE]})
    kept = client(lambda it: it.session(name="n", ttl="1h"))
    client.settle(kept.start())
    assert client.settle(kept.lost.wait(SOON))
    client.settle(kept.stop())
    assert script.asked == ["PUT session/create", *["PUT session/renew/s1"] * 4]


@pytest.mark.usefixtures("no_pauses")
def test_a_lock_whose_session_ends_while_it_waits_is_not_taken(client: Either, scripted: Scripted) -> None:
    """The caller must begin again."""
    scripted({"PUT session/renew/s1": [NONE], "GET kv/l": [entry("l", LOCK_FLAG, Session="s2")]})
    with pytest.raises(errors.SessionExpired):
        client(lambda it: it.lock("l").acquire())


def test_an_election_says_what_keeps_it_from_campaigning(client: Either, scripted: Scripted) -> None:
    """It goes on by itself; a leader's key of another use is an error for whoever asks."""
    script = scripted({"GET kv/e": [entry("e", 7)]})
    election = client(lambda it: it.leader_election("e"))
    client.settle(election.start())
    goes_on(client, lambda: election.error is not None)
    assert isinstance(election.error, errors.LockConflict)
    with pytest.raises(errors.LockConflict):
        client.settle(election.leader())
    client.settle(election.stop())
    assert not election.is_leader
    assert script.asked


def goes_on(client: Either, claim: Callable[[], bool]) -> None:
    """Let background work go on until a claim is true."""
    if client.loop is None:
        until(claim)
    else:
        client.settle(comes_true(claim))


def test_a_deposed_leader_that_cannot_step_down_says_so(client: Either, scripted: Scripted) -> None:
    """It campaigns again."""
    ours, gone = entry("e", LOCK_FLAG, Session="s1"), entry("e", LOCK_FLAG, Session="s2")
    script = scripted({"GET kv/e": [ours, gone], "PUT kv/e": [FAILS]})
    election = client(lambda it: it.leader_election("e"))
    client.settle(election.start())
    goes_on(client, lambda: election.error is not None)
    assert str(election.error) == f"failed to release lock: {FAILED}"
    script.answers["GET kv/e"] = [ours]
    goes_on(client, lambda: election.is_leader)
    with told(errors.CoordinationFailed, f"failed to release lock: {FAILED}"):
        client.settle(election.stop())


def test_what_ended_an_elected_block_matters_more(client: Either, scripted: Scripted) -> None:
    """As for a lock."""
    scripted({"GET kv/e": [entry("e", LOCK_FLAG, Session="s1")], "PUT kv/e": [FAILS]})

    def lead(it: Any) -> Any:
        election = it.leader_election("e")
        if client.loop is None:
            with election:
                assert election.elected.wait(SOON)
                raise KeyError("x")

        async def block() -> None:
            async with election:
                assert await election.elected.wait(SOON)
                raise KeyError("x")

        return block()

    with pytest.raises(KeyError):
        client(lead)


@pytest.mark.usefixtures("no_pauses")
def test_a_heartbeat_goes_on_after_a_failure(client: Either, scripted: Scripted) -> None:
    """The error is there to be seen until a report comes through again."""
    script = scripted({"PUT agent/check/update/c": [(200, ""), FAILS]})
    check = client(lambda it: it.ttl_check("c", ttl=10))
    client.settle(check.start())
    goes_on(client, lambda: check.error is not None)
    assert str(check.error) == FAILED
    script.answers["PUT agent/check/update/c"] = [(200, "")]
    goes_on(client, lambda: check.error is None)
    client.settle(check.stop())
