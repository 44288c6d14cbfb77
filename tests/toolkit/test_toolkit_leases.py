"""Leases and tokens of Vault: when they are renewed, and what ends that."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from pyconsul.sdk.errors import ConsulError
from pyconsul.toolkit.leases import Lease, Renewer, keep_token
from pyconsul.toolkit.vault import VaultClient
from pyconsul.toolkit.vault_exchange import VaultError

LOGGER = logging.getLogger("tests_leases")


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.pauses.append(round(seconds, 3))
        self.now += seconds


class FakeVault:
    """Scripted answers to renewals; keeps what was asked for."""

    def __init__(self, *answers: Mapping[str, Any] | Exception | None) -> None:
        self.answers: list[Mapping[str, Any] | Exception | None] = list(answers)
        self.asked: list[str] = []

    def _next(self, asked: str) -> Any:
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def renew_lease(self, lease: str) -> Any:
        """The next answer."""
        return self._next(lease)

    async def renew_self(self, token: str | None = None) -> Any:
        """The next answer."""
        return self._next(token or "own")

    async def client(self) -> VaultClient:
        """This one."""
        return cast("VaultClient", self)


def granted(seconds: int, *, renewable: bool = True) -> dict[str, Any]:
    """What a renewal gives."""
    return {"lease_duration": seconds, "renewable": renewable}


async def renewed(seconds: float, *answers: Mapping[str, Any] | Exception | None) -> tuple[Exception | None, Clock]:
    """A renewer at work on a lease of so many seconds, with dice that show the middle."""
    vault, clock = FakeVault(*answers), Clock()
    renewer = Renewer(
        "x", lambda: vault.renew_lease("l"), LOGGER, sleep=clock.sleep, clock=lambda: clock.now, dice=lambda: 0.5
    )
    failure = await renewer.run(seconds)
    assert vault.answers == []
    return failure, clock


async def test_renewals_come_two_thirds_into_a_lease(caplog: pytest.LogCaptureFixture) -> None:
    """And a twentieth, by chance; they end when the end is so near that none could come."""
    failure, clock = await renewed(60, granted(60), granted(120), granted(120), granted(15))
    assert (failure, clock.pauses) == (None, [43.0, 86.0, 86.0])
    assert [r.getMessage() for r in caplog.records] == ["x: renewer done (maybe the lease expired)"]


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (granted(60, renewable=False), "secret is not renewable"),
        (None, "returned empty secret data"),
        (VaultError(400, "lease not found"), "lease not found"),
    ],
)
async def test_a_refusal_ends_renewing(last: Any, message: str, caplog: pytest.LogCaptureFixture) -> None:
    """Its reason is warned of."""
    failure, _ = await renewed(60, granted(60), last)
    assert str(failure) == message
    assert caplog.records[0].getMessage() == f"x: failed to renew: {message}"


async def test_without_permission_a_lease_is_good_until_its_end() -> None:
    """Nobody asks for another renewal."""
    failure, clock = await renewed(60, VaultError(403, "* permission denied"))
    assert (failure, clock.pauses) == (None, [43.0])


async def waited(item: Mapping[str, Any], vault: FakeVault, times: int = 1) -> list[float]:
    """The pauses of a secret that was waited for so many times."""
    lease, clock = Lease("x", LOGGER), Clock()
    lease.took(item)
    for _ in range(times):
        await lease.wait(vault.client, default_lease=300.0, threshold=0.9, sleep=clock.sleep)
    return clock.pauses


async def test_whoever_failed_to_fetch_a_secret_again_waits_no_second_time() -> None:
    """The lease is over already."""
    [pause] = await waited({"lease_duration": 100}, FakeVault(), times=3)
    assert 85 <= pause <= 95


async def test_a_secret_that_was_fetched_again_is_waited_for_again() -> None:
    """Its time begins anew with each answer; before the first one there is nothing to wait for."""
    lease, vault, clock = Lease("x", LOGGER), FakeVault(), Clock()
    await lease.wait(vault.client, default_lease=300.0, threshold=0.9, sleep=clock.sleep)
    for seconds in (100, 200):
        lease.took({"lease_duration": seconds})
        await lease.wait(vault.client, default_lease=300.0, threshold=0.9, sleep=clock.sleep)
    assert [round(pause, -2) for pause in clock.pauses] == [100, 200]


async def test_tokens_that_a_login_gave_renew_themselves() -> None:
    """With their own right, not with that of the tool."""
    vault = FakeVault({"auth": granted(60)}, {"auth": None})
    pauses = await waited({"auth": {"client_token": "inner", **granted(60)}}, vault)
    assert (vault.asked, len(pauses)) == (["inner", "inner"], 1)


async def test_the_tools_token_is_renewed_until_it_cannot_be(caplog: pytest.LogCaptureFixture) -> None:
    """A root token cannot at all."""
    vault = FakeVault({"auth": granted(0, renewable=False)})
    await keep_token(vault.client, LOGGER)
    assert vault.asked == ["own"]
    messages: Sequence[str] = [r.getMessage() for r in caplog.records]
    assert messages == [
        "vault.token: failed to renew: secret is not renewable",
        "vault.token: renewer done (maybe the lease expired)",
    ]


@pytest.mark.parametrize("failure", [OSError("no route to host"), ConsulError("connection refused")], ids=["os", "sdk"])
async def test_a_server_that_is_away_ends_renewing(failure: Exception) -> None:
    """Whoever renews decides whether that is worth another try."""
    assert (await renewed(60, granted(60), failure))[0] is failure


async def test_the_moment_of_a_renewal_stays_until_a_lease_is_longer() -> None:
    """Chance chooses once how much of the end is not used; renewing is over when that is all that would remain."""
    vault, clock, dice = FakeVault(granted(60), granted(60), granted(24)), Clock(), iter([0.0, 0.0, 1.0, 1.0])
    renewer = Renewer(
        "x", lambda: vault.renew_lease("l"), LOGGER, sleep=clock.sleep, clock=lambda: clock.now, dice=lambda: next(dice)
    )
    assert await renewer.run(30) is None
    assert clock.pauses == [42.0, 42.0]


@pytest.mark.parametrize(
    ("item", "pause"),
    [({"lease_id": "l", "lease_duration": 100}, 90.0), ({"renewable": True, "lease_duration": 120}, 30.0)],
    ids=["not to be renewed", "no lease"],
)
async def test_what_cannot_be_renewed_is_waited_for(item: Mapping[str, Any], pause: float) -> None:
    """It takes both a lease and the permission."""
    vault = FakeVault()
    assert await waited(item, vault) == [pytest.approx(pause, rel=0.4)]
    assert vault.asked == []


async def test_a_token_whose_renewal_is_answered_with_nothing_is_not_renewed(caplog: pytest.LogCaptureFixture) -> None:
    """As a proxy before Vault may do; that is warned of like any other refusal."""
    assert await waited({"auth": {"client_token": "inner", **granted(60)}}, FakeVault(None)) == []
    assert caplog.messages[0] == "x: failed to renew: returned empty secret data"


async def test_a_token_is_kept_while_its_server_is_away() -> None:
    """Each try comes later, up to a minute; a refusal ends them, and a server that is out of order does not."""
    away = [OSError("no route to host"), ConsulError("connection refused"), VaultError(500, "sealed")] * 2
    vault, clock = FakeVault(*away, VaultError(403, "bad token")), Clock()
    await keep_token(vault.client, LOGGER, sleep=clock.sleep)
    assert clock.pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0]
    assert vault.asked == ["own"] * 7


@pytest.mark.parametrize("answer", [{"auth": granted(0)}, {"auth": None}, None], ids=["no time", "no token", "nothing"])
async def test_a_token_that_is_about_to_end_is_let_go(answer: Mapping[str, Any] | None) -> None:
    """There is nothing left to renew."""
    vault, clock = FakeVault(answer), Clock()
    await keep_token(vault.client, LOGGER, sleep=clock.sleep)
    assert (vault.asked, clock.pauses) == (["own"], [])
