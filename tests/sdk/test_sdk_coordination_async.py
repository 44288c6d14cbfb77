"""Sessions, locks, semaphores, elections, heartbeats and views of the async client, against a real agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pyconsul.sdk import AsyncClient, errors
from pyconsul.sdk.health import state_request
from pyconsul.sdk.kv import get_request, list_request
from pyconsul.sdk.lock import LOCK_FLAG
from pyconsul.sdk.semaphore import SEMAPHORE_FLAG
from pyconsul.sdk.session import list_request as list_sessions
from pyconsul.testing import InProcessAgent

SOON = 30.0  # seconds until a test gives up, also on a busy machine


@pytest.fixture
async def consul(consul_agent: InProcessAgent) -> AsyncIterator[AsyncClient]:
    """An async client of a fresh agent."""
    async with consul_agent.async_client() as client:
        yield client


async def test_a_session_lives_as_long_as_its_block(consul: AsyncClient) -> None:
    """It is there inside and gone afterwards."""
    async with consul.session(name="s", ttl=10) as kept:
        session = await consul.session.info(kept.id)
        assert session is not None
        assert (session.Name, session.TTL) == ("s", "10s")
        held = kept.id
    assert await consul.session.info(held) is None


async def test_a_session_is_renewed(consul: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every half TTL; when the server does not know it any more, ``lost`` is set."""
    kept = consul.session(ttl=10)
    monkeypatch.setattr(kept, "_ttl", 0.02)
    async with kept:
        await consul.session.destroy(kept.id)
        assert await kept.lost.wait(SOON)
        with pytest.raises(errors.SessionExpired, match="session expired"):
            kept.check()


async def test_a_lock_is_held_inside_its_block(consul: AsyncClient) -> None:
    """With Consul's flag, our value and our session; afterwards the key is free."""
    async with consul.lock("l", value="me") as lock:
        entry = await consul.kv.get("l")
        assert entry is not None
        assert (entry.Flags, entry.Value, entry.Session) == (LOCK_FLAG, b"me", lock.session)
    entry = await consul.kv.get("l")
    assert entry is not None
    assert not entry.Session
    assert await consul.session.list() == []


async def test_a_second_lock_waits_for_the_first(consul: AsyncClient) -> None:
    """It gets it as soon as the first is given back."""
    first, second = consul.lock("l"), consul.lock("l")
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done
    await first.release()
    assert await asyncio.wait_for(waiting, SOON)
    await second.release()


async def test_trying_once_gives_up(consul: AsyncClient) -> None:
    """After its wait, without leaving a session behind."""
    async with consul.lock("l"):
        assert not await consul.lock("l", try_once=True, wait=0.05).acquire()
        with pytest.raises(errors.LockNotAcquired):
            async with consul.lock("l", try_once=True, wait=0.05):
                pass
        assert len(await consul.session.list()) == 1


async def test_a_lock_says_when_it_is_lost(consul: AsyncClient) -> None:
    """An operator deletes the key, or the session ends."""
    async with consul.lock("l") as lock:
        assert not lock.lost.is_set()
        await consul.kv.delete("l")
        assert await lock.lost.wait(SOON)


async def test_a_lock_whose_session_was_destroyed_is_lost(consul: AsyncClient) -> None:
    """The server takes the key away with the session."""
    async with consul.lock("l") as lock:
        await consul.session.destroy(lock.session)
        assert await lock.lost.wait(SOON)


async def test_the_lock_delay_is_sat_out(consul: AsyncClient) -> None:
    """While it lasts the key cannot be taken although nobody has it."""
    first = consul.lock("l", lock_delay=0.2)
    await first.acquire()
    await consul.session.destroy(first.session)
    second = consul.lock("l", delay_retry=0.05)
    async with asyncio.timeout(SOON):
        assert await second.acquire()
    await second.release()
    await first.release()


async def test_many_contenders_take_turns_without_a_pause(consul: AsyncClient) -> None:
    """Who comes too late for a short turn tries again at once: that is no lock-delay, which cannot be waited for."""
    inside: list[int] = []

    async def turn(number: int) -> None:
        async with consul.lock("l", delay_retry=600):
            inside.append(number)
            assert len(inside) == 1
            await asyncio.sleep(0)
            inside.remove(number)

    async with asyncio.timeout(SOON):
        await asyncio.gather(*(turn(number) for number in range(12)))


async def test_a_lock_can_stand_on_a_session_of_the_caller(consul: AsyncClient) -> None:
    """That session is neither renewed nor destroyed."""
    session = await consul.session.create(ttl=10)
    async with consul.lock("l", session=session) as lock:
        assert lock.session == session
    assert await consul.session.info(session) is not None


async def test_wrong_uses_of_a_lock_are_refused(consul: AsyncClient) -> None:
    """With the sentences of Consul's client."""
    lock = consul.lock("l")
    with pytest.raises(errors.LockNotHeld, match="Lock not held"):
        await lock.release()
    async with lock:
        with pytest.raises(errors.LockHeld, match="Lock already held"):
            await lock.acquire()
        with pytest.raises(errors.LockInUse, match="Lock in use"):
            await consul.lock("l").destroy()
    await lock.destroy()
    assert await consul.kv.get("l") is None
    with pytest.raises(errors.InvalidArgument, match="missing key"):
        consul.lock("")


async def test_a_key_of_somebody_else_is_no_lock(consul: AsyncClient) -> None:
    """Its flag says so."""
    await consul.kv.put("l", "data")
    with pytest.raises(errors.LockConflict, match="Existing key does not match lock use"):
        await consul.lock("l").acquire()
    with pytest.raises(errors.LockConflict):
        await consul.lock("l").destroy()


async def test_an_unreachable_agent_fails_with_consuls_words() -> None:
    """The cause is kept."""
    async with AsyncClient("127.0.0.1:1") as client:
        with pytest.raises(errors.CoordinationFailed, match="failed to create session: Put") as caught:
            await client.lock("l").acquire()
    assert isinstance(caught.value.__cause__, errors.TransportError)


async def test_a_cancelled_wait_leaves_no_session(consul: AsyncClient) -> None:
    """Whoever gives up waiting gives up the session as well."""
    async with consul.lock("l"):
        waiting = asyncio.create_task(consul.lock("l").acquire())
        async with asyncio.timeout(SOON):
            async for reply in consul.watch(list_sessions()):
                if len(reply.value) == 2:
                    break
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()
        assert len(await consul.session.list()) == 1


async def test_stopping_background_work_can_itself_be_cancelled(consul: AsyncClient) -> None:
    """A cancellation of the caller is not mistaken for that of the work."""

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await gate.wait()

    gate = asyncio.Event()
    work = consul.background(stubborn)
    await asyncio.sleep(0)
    stopping = asyncio.create_task(work.stop())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stopping.cancel()
    await asyncio.wait({stopping})
    assert stopping.cancelled()
    gate.set()
    await work.stop()


async def test_a_semaphore_has_as_many_slots_as_its_limit(consul: AsyncClient) -> None:
    """The third contender of two waits until one leaves."""
    slots = [consul.semaphore("s", 2) for _ in range(3)]
    assert [await slot.acquire() for slot in slots[:2]] == [True, True]
    waiting = asyncio.create_task(slots[2].acquire())
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done
    await slots[0].release()
    assert await asyncio.wait_for(waiting, SOON)
    for slot in slots[1:]:
        await slot.release()
    await slots[0].destroy()
    assert await consul.kv.list("s") == []


async def test_a_semaphore_is_laid_out_as_consuls(consul: AsyncClient) -> None:
    """One contender key with a session, one entry with the holders, both flagged."""
    async with consul.semaphore("s", 1, value="me") as slot:
        entries = {entry.Key: entry for entry in await consul.kv.list("s/")}
        assert entries.keys() == {"s/.lock", f"s/{slot.session}"}
        assert entries["s/.lock"].Value == b'{"Limit":1,"Holders":{"%s":true}}' % slot.session.encode()
        assert {entry.Flags for entry in entries.values()} == {SEMAPHORE_FLAG}


async def test_a_dead_holder_makes_room(consul: AsyncClient) -> None:
    """Its session's contender key is gone, so its slot does not count."""
    dead = consul.semaphore("s", 1)
    await dead.acquire()
    await consul.session.destroy(dead.session)
    async with asyncio.timeout(SOON), consul.semaphore("s", 1):
        assert await dead.lost.wait(SOON)


async def test_wrong_uses_of_a_semaphore_are_refused(consul: AsyncClient) -> None:
    """With the sentences of Consul's client."""
    slot = consul.semaphore("s", 1)
    with pytest.raises(errors.SemaphoreNotHeld, match="Semaphore not held"):
        await slot.release()
    async with slot:
        with pytest.raises(errors.SemaphoreHeld, match="Semaphore already held"):
            await slot.acquire()
        with pytest.raises(errors.SemaphoreInUse, match="Semaphore in use"):
            await consul.semaphore("s", 1).destroy()
        with pytest.raises(errors.SemaphoreConflict, match=r"semaphore limit conflict \(lock: 1, local: 2\)"):
            await consul.semaphore("s", 2).acquire()
        with pytest.raises(errors.SemaphoreNotAcquired):
            async with consul.semaphore("s", 1, try_once=True, wait=0.05):
                pass


async def test_a_slot_that_cannot_be_given_back_says_why(consul: AsyncClient) -> None:
    """In the words of the step that failed, with nothing in front."""
    slot = consul.semaphore("s", 1)
    await slot.acquire()
    await consul.kv.put("s/.lock", b"{", flags=SEMAPHORE_FLAG)
    with pytest.raises(errors.CoordinationFailed, match=r"^lock decoding failed: "):
        await slot.release()


@pytest.mark.parametrize(("prefix", "limit", "text"), [("", 1, "missing prefix"), ("s", 0, "limit must be positive")])
async def test_a_semaphore_needs_prefix_and_limit(consul: AsyncClient, prefix: str, limit: int, text: str) -> None:
    """Before anything is sent."""
    with pytest.raises(errors.InvalidArgument, match=text):
        consul.semaphore(prefix, limit)


async def test_there_is_one_leader_at_a_time(consul: AsyncClient) -> None:
    """When it steps down, the other candidate takes over."""
    first = consul.leader_election("lead", value="one")
    await first.start()
    assert await first.elected.wait(SOON)
    async with consul.leader_election("lead", value="two") as second:
        assert not second.is_leader
        leader = await second.leader()
        assert leader is not None
        assert leader.Value == b"one"
        await first.stop()
        assert await second.elected.wait(SOON)
        assert not first.is_leader
    assert await second.leader() is None


async def test_a_deposed_leader_campaigns_again(consul: AsyncClient) -> None:
    """Deposed is set in between."""
    async with consul.leader_election("lead", lock_delay=0.001, delay_retry=0.01) as election:
        assert await election.elected.wait(SOON)
        await consul.kv.delete("lead")
        assert await election.deposed.wait(SOON)
        assert await election.elected.wait(SOON)


async def test_a_ttl_check_is_kept_passing(consul: AsyncClient) -> None:
    """It reports what the program says, and critical at the end."""
    await consul.agent.register_check({"Name": "job", "TTL": "10s"})
    async with consul.ttl_check("job", ttl=10, output="up") as check:
        assert (await consul.agent.checks())["job"].Status == "passing"
        await check.report("warning", "slow")
        assert (await consul.agent.checks())["job"].Output == "slow"
    assert (await consul.agent.checks())["job"].Status == "critical"


async def test_a_ttl_check_beats_by_itself(consul: AsyncClient) -> None:
    """Three times a TTL, whatever else the program does."""
    await consul.agent.register_check({"Name": "job", "TTL": "10s"})
    async with consul.ttl_check("job", ttl=0.03):
        await consul.agent.fail_check("job")
        async with asyncio.timeout(SOON):
            async for reply in consul.watch(state_request("passing")):
                if "job" in {check.CheckID for check in reply.value}:
                    break


async def test_a_failed_program_is_in_the_check(consul: AsyncClient) -> None:
    """The exception that ended the block becomes the output."""
    await consul.agent.register_check({"Name": "job", "TTL": "10s"})
    with pytest.raises(ZeroDivisionError):
        async with consul.ttl_check("job"):
            _ = 1 / 0
    assert (await consul.agent.checks())["job"].Output == "ZeroDivisionError: division by zero"


async def test_an_unknown_check_is_an_error(consul: AsyncClient) -> None:
    """At the start, not in the background."""
    with pytest.raises(errors.NotFound):
        async with consul.ttl_check("none"):
            pass


async def test_a_view_keeps_the_newest_value(consul: AsyncClient) -> None:
    """Without the caller asking."""
    async with consul.view(list_request("v/")) as view:
        assert view.value == []
        await consul.kv.put("v/a", "1")
        assert await view.next(SOON)
        assert [entry.Key for entry in view.value] == ["v/a"]
        assert not await view.next(0.01)


async def test_a_view_has_no_value_before_it_starts(consul: AsyncClient) -> None:
    """Instead of a made-up one."""
    with pytest.raises(RuntimeError, match="not been started"):
        _ = consul.view(get_request("a")).value


async def test_a_watch_follows_a_key(consul: AsyncClient) -> None:
    """From not there through each value to not there."""
    seen: list[bytes | None] = []
    async with asyncio.timeout(SOON):
        async for reply in consul.watch(get_request("k")):
            seen.append(reply.value.Value if reply.value else None)
            if len(seen) == 1:
                await consul.kv.put("k", "1")
            elif len(seen) == 2:
                await consul.kv.delete("k")
            else:
                break
    assert seen == [None, b"1", None]
