"""How views ask and what they report, with scripted answers in place of servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from pyconsul.sdk.request import Answer, QueryOptions
from pyconsul.toolkit.asking import Asked
from pyconsul.toolkit.leases import lease_pause
from pyconsul.toolkit.retry import RetryPolicy
from pyconsul.toolkit.stanzas import Consul
from pyconsul.toolkit.vault import VaultClient
from pyconsul_envconsul.config import Config
from pyconsul_envconsul.queries import PrefixQuery, SecretQuery
from pyconsul_envconsul.views import Clients, Event, Views


def answer(value: str | None, index: int, contact: int = 0, status: int = 200) -> Answer:
    """One pair below the prefix ``c``, base64 of the value as it comes."""
    body = b"" if value is None else json.dumps([{"Key": "c/V", "Value": value}]).encode()
    headers = {"x-consul-index": str(index), "x-consul-lastcontact": str(contact)}
    return Answer(status if value is not None else 404, headers, body)


class Script:
    """Stands where both the clients and the Consul client stand: gives prepared answers, then waits for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[int, str]] = []
        self.used_up = asyncio.Event()

    @property
    def consul(self) -> Script:
        """The client."""
        return self

    async def raw(self, method: str, path: str, params: Mapping[str, str], *, options: QueryOptions) -> Answer:
        """The next answer."""
        assert (method, path) == ("GET", "/v1/kv/c")
        self.asked.append((options.index, options.consistency))
        if not self.answers:
            self.used_up.set()
            await asyncio.Event().wait()
        return self.answers.pop(0)

    async def aclose(self) -> None:
        """Nothing to close."""


async def reports(script: Script, count: int, config: Config | None = None) -> list[Event]:
    """The first events of a view of the prefix ``c``, once all answers are used up."""
    views = Views(config or Config())
    views.clients = cast("Clients", script)
    views.start(PrefixQuery("c"))
    events = [await asyncio.wait_for(views.events.get(), 60) for _ in range(count)]
    if not views.config.once:
        await asyncio.wait_for(script.used_up.wait(), 60)
    await views.stop()
    assert views.events.empty()
    return events


async def test_equal_values_are_no_news() -> None:
    """An index that moved without the data says nothing to the runner."""
    found = await reports(Script(answer("YQ==", 5), answer("YQ==", 6), answer("Yg==", 7)), 2)
    assert [event.value for event in found] == [{"V": "a"}, {"V": "b"}]


async def test_no_keys_are_a_value() -> None:
    """404 means that nothing is below the prefix."""
    found = await reports(Script(answer(None, 5)), 1)
    assert found == [Event("kv.list(c)", {})]


async def test_an_index_that_goes_backwards_starts_over() -> None:
    """As Consul's documentation of blocking queries asks."""
    script = Script(answer("YQ==", 9), answer("Yg==", 3), answer("Yw==", 4))
    await reports(script, 3)
    assert [index for index, _ in script.asked][:3] == [0, 9, 0]


async def test_a_stale_answer_is_asked_again_of_the_leader() -> None:
    """One that is older than ``max_stale`` is not taken; the next request may be stale again."""
    script = Script(answer("YQ==", 5, contact=2500), answer("Yg==", 5))
    found = await reports(script, 1)
    assert found[0].value == {"V": "b"}
    assert [consistency for _, consistency in script.asked][:2] == ["stale", "default"]


async def test_max_stale_zero_always_asks_the_leader() -> None:
    """From the first request on."""
    script = Script(answer("YQ==", 5))
    await reports(script, 1, Config(max_stale=0))
    assert {consistency for _, consistency in script.asked} == {"default"}


@pytest.mark.parametrize("body", [b"{", b'{"a":1}', b'[{"Key":5}]', b"[3]", b'[{"Key":"c/V","Value":"!"}]'])
async def test_answers_of_another_shape_are_errors(body: bytes) -> None:
    """They are tried again like all errors, and never break the view."""
    config = Config(once=True, consul=Consul(retry=RetryPolicy(attempts=1, backoff_ns=1)))
    strange = Answer(200, {"x-consul-index": "5"}, body)
    found = await reports(Script(strange, strange), 1, config)
    assert found[0].error.startswith("kv.list(c): ")


async def test_without_one_shot_mode_asking_goes_on() -> None:
    """When the attempts are used up the view goes on at the longest pause."""
    config = Config(consul=Consul(retry=RetryPolicy(attempts=2, backoff_ns=1, max_backoff_ns=1)))
    views = Views(config)
    assert views.retry["consul"].pause_ns(5) is None
    down = answer("", 0, status=500)
    found = await reports(Script(down, down, answer("YQ==", 5)), 1, config)
    assert found[0].value == {"V": "a"}


class FakeVaultAccess:
    """Access for a secret: scripted reads and renewals; pauses are noted and take no time."""

    def __init__(self, reads: Sequence[Any], renewals: Sequence[Any] = ()) -> None:
        self.index = 0
        self.default_lease = 300.0
        self.lease_threshold = 0.9
        self.reads = list(reads)
        self.renewals = list(renewals)
        self.pauses: list[float] = []

    async def get(self, path: str, params: Mapping[str, str]) -> Asked:
        """Secrets don't come from Consul."""
        raise AssertionError(path)

    async def vault(self) -> VaultClient:
        """The client."""
        return cast("VaultClient", self)

    async def pause(self, seconds: float) -> None:
        """Note it."""
        self.pauses.append(seconds)

    async def read(self, path: str, params: Mapping[str, str], name: str) -> Any:
        """The next read."""
        return self.reads.pop(0)

    async def renew_lease(self, lease: str) -> Any:
        """The next renewal."""
        return self.renewals.pop(0)


async def test_a_secret_without_lease_is_read_again_after_the_default_lease() -> None:
    """Not sooner than 85 and not later than 95 percent of it."""
    access = FakeVaultAccess([{"data": {"k": "1"}}, {"data": {"k": "2"}}])
    query = SecretQuery("kv/app")
    assert [(await query.fetch(access)).value for _ in range(2)] == [{"k": "1"}, {"k": "2"}]
    assert [255 <= pause <= 285 for pause in access.pauses] == [True]


async def test_a_lease_is_renewed_until_that_ends() -> None:
    """At once and two thirds into it; a renewal that is too short is the last one, and the secret is read again."""
    lease = {"lease_id": "l", "renewable": True, "lease_duration": 60}
    renewals = [lease, lease, {**lease, "lease_duration": 1}]
    access = FakeVaultAccess([{**lease, "data": {"k": "1"}}, {**lease, "data": {"k": "2"}}], renewals)
    query = SecretQuery("database/creds/app")
    assert [(await query.fetch(access)).value for _ in range(2)] == [{"k": "1"}, {"k": "2"}]
    assert [42 <= pause <= 44 for pause in access.pauses] == [True, True]
    assert access.renewals == []


@pytest.mark.parametrize(
    ("item", "pause"),
    [
        ({"lease_duration": 90, "renewable": True}, 22.5),
        ({"lease_duration": 100}, 90.0),
        ({}, 270.0),
        ({"data": {"ttl": 9, "rotation_period": 60}}, 10.0),
        ({"data": {"secret_id": "s", "secret_id_ttl": 99}}, 90.0),
        ({"data": {"secret_id": "s", "secret_id_ttl": "99"}}, 90.0),
        ({"data": {"secret_id": "s", "secret_id_ttl": "0"}}, 270.0),
        ({"auth": {"lease_duration": "0"}, "lease_duration": "100"}, 90.0),
        ({"lease_duration": "odd"}, 270.0),
        ({"auth": {"lease_duration": 30, "renewable": True}}, 7.5),
    ],
)
def test_pauses_between_reads(item: dict[str, Any], pause: float) -> None:
    """What can be renewed sooner than what can't; what rotates right after it did."""
    assert lease_pause(item, 300.0, 0.9, 0.5) == pytest.approx(pause)
