"""How views ask Consul: what a question says, what an answer may be, and when it is too old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from pyconsul.sdk import AsyncClient
from pyconsul.sdk.errors import ConsulError
from pyconsul.toolkit.asking import MIN_INTERVAL, Asked, Asking, decoded, pace
from tests.toolkit.conftest import Script


@pytest.fixture
async def client(script: Script) -> AsyncGenerator[AsyncClient]:
    """A client of the little server."""
    async with AsyncClient(script.url) as made:
        yield made


def query_of(script: Script) -> set[str]:
    """The query of the last question, word by word."""
    target = script.asked[-1][0].split(" ")[1]
    return set(target.partition("?")[2].split("&")) - {""}


async def test_a_question_waits_for_any_server(script: Script, client: AsyncClient) -> None:
    """From the index on that is known; the first one has none."""
    script.add(200, [1], "X-Consul-Index: 7", "X-Consul-LastContact: 3")
    asking = Asking(60.0, 2.0)
    assert await asking.get(client, "/v1/a", {"dc": "x"}) == Asked([1], 7, 3)
    assert query_of(script) == {"dc=x", "stale=", "wait=60000ms"}
    asking.index = 7
    await asking.get(client, "/v1/a", {})
    assert query_of(script) == {"index=7", "stale=", "wait=60000ms"}


async def test_a_question_that_does_not_wait_asks_the_leader(script: Script, client: AsyncClient) -> None:
    """Whatever is known, and however old an answer may be."""
    script.add(200, [1])
    asking = Asking(60.0, 2.0)
    asking.index = 7
    await asking.get(client, "/v1/a", {}, blocking=False)
    assert query_of(script) == set()


async def test_only_a_key_may_be_absent(script: Script, client: AsyncClient) -> None:
    """That is an answer with an index; elsewhere it is a failure, as any other status is."""
    script.add(404, b"", "X-Consul-Index: 9")
    asking = Asking(60.0, 0.0)
    assert await asking.get(client, "/v1/kv/a", {}) == Asked(None, 9, 0)
    with pytest.raises(ConsulError):
        await asking.get(client, "/v1/catalog/node/a", {})
    script.answers.clear()
    script.add(403, b"Permission denied")
    with pytest.raises(ConsulError, match="Permission denied"):
        await asking.get(client, "/v1/kv/a", {})


@pytest.mark.parametrize(("limit", "ages"), [(2.0, [(2000, False), (2001, True), (0, False), (2001, True)])])
def test_after_an_answer_that_is_too_old_the_leader_is_asked(limit: float, ages: list[tuple[int, bool]]) -> None:
    """Once; its answer is new whatever it says, and then any server will do again."""
    asking = Asking(60.0, limit)
    for age, is_old in ages:
        assert asking.stale_allowed
        assert asking.is_too_old(age) is is_old
        assert asking.stale_allowed is not is_old
        assert asking.stale_allowed or not asking.is_too_old(9999)


def test_who_takes_no_old_answers_asks_the_leader_alone() -> None:
    """And takes what it says."""
    asking = Asking(60.0, 0.0)
    assert (asking.stale_allowed, asking.is_too_old(5000), asking.stale_allowed) == (False, False, False)


def test_an_answer_is_read_as_far_as_go_reads_it() -> None:
    """What stands behind the first value does not matter."""
    assert decoded(b' {"a":1} junk') == {"a": 1}
    with pytest.raises(ValueError, match=r"^unexpected EOF$"):
        decoded(b'{"a":')


async def test_questions_keep_a_distance() -> None:
    """A tenth of a second from one to the next; who took longer does not wait."""
    late = asyncio.ensure_future(pace(time.monotonic() - MIN_INTERVAL))
    await asyncio.sleep(0)
    assert late.done()
    before = time.monotonic()
    await pace(before)
    assert time.monotonic() - before >= MIN_INTERVAL


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"error": "no route"}, "object into Go value of type []*api.KVPair"),
        ("no route", "string into Go value of type []*api.KVPair"),
        (0, "number into Go value of type []*api.KVPair"),
        ([["no"]], "array into Go value of type api.KVPair"),
        ([{"Key": "k"}, None], "object into Go value of type api.KVPair"),
    ],
)
def test_an_answer_of_another_shape_is_no_list(value: Any, wanted: str) -> None:
    """Neither is it an empty one: what a proxy says in Consul's place would empty files and environments."""
    with pytest.raises(ValueError) as caught:
        Asked(value, 1, 0).listed("[]*api.KVPair")
    assert str(caught.value) == f"json: cannot unmarshal {wanted}"


def test_an_answer_of_another_shape_is_no_object() -> None:
    """A list is none, however empty."""
    with pytest.raises(ValueError, match=r"^json: cannot unmarshal array into Go value of type api.CatalogNode$"):
        Asked([], 1, 0).mapped("api.CatalogNode")


def test_nothing_is_an_empty_list_or_object() -> None:
    """A key that does not exist, and Go's nil, which is null."""
    nothing = Asked(None, 1, 0)
    assert (nothing.listed("[]*api.KVPair"), nothing.mapped("api.CatalogNode")) == ([], {})
    assert Asked(["dc1"], 1, 0).listed("[]string") == ["dc1"]
