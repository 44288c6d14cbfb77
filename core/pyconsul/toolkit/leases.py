"""How long secrets of Vault are good for, and keeping its token alive."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pyconsul.primitives.dice import DICE
from pyconsul.sdk.errors import ConsulError
from pyconsul.toolkit.logs import TRACE
from pyconsul.toolkit.vault import VaultClient
from pyconsul.toolkit.vault_exchange import VaultError


def lease_pause(item: Mapping[str, Any], default_lease: float, threshold: float, dice: float) -> float:
    """Seconds until a secret should be fetched again; ``dice`` is a random number from 0 to 1."""
    data: Mapping[str, Any] = item.get("data") or {}
    auth: Mapping[str, Any] = item.get("auth") or {}
    base = _seconds(auth, "lease_duration") or _seconds(item, "lease_duration")
    rotates = False
    if not item.get("lease_id"):
        if "certificate" in data and (expiration := _seconds(data, "expiration")):
            base = expiration - time.time()
        if "secret_id" in data and (ttl := _seconds(data, "secret_id_ttl")):
            base = ttl + 1  # a second late, so that its successor is there
        if "rotation_period" in data and "ttl" in data:
            base, rotates = _seconds(data, "ttl") + 1, True
    if base <= 0:
        base = default_lease
    # By chance, so that many tools that started together do not ask Vault together. A third leaves time to try again.
    if auth.get("renewable", item.get("renewable")):
        return base / 3 * (dice + 1) / 2
    if rotates:
        return base
    part = threshold + (dice - 0.5) * 0.1
    return base * (part if 0 < part < 1 else threshold)


def is_rotating_now(item: Mapping[str, Any]) -> bool:
    """Whether a secret that Vault rotates has no time left: its successor is not there yet."""
    data: Mapping[str, Any] = item.get("data") or {}
    has_times = "rotation_period" in data and data.get("ttl") is not None
    return has_times and not item.get("lease_id") and _seconds(data, "ttl") == 0


def _seconds(item: Mapping[str, Any], key: str) -> float:
    """A number of an answer, which may still be in its spelling; 0.0 when it is not there or no number."""
    try:
        return float(item.get(key) or 0)
    except (TypeError, ValueError):
        return 0.0


class _Lifetime:
    """When to renew next, as Vault's own client finds it: two thirds into what remains, unless the end is near then."""

    def __init__(self, seconds: float, dice: Callable[[], float]) -> None:
        self.prior = seconds
        self._dice = dice
        self._grace = self._new_grace(seconds)

    def _new_grace(self, seconds: float) -> float:
        """The last tenth to fifth of a lease, by chance so that clients do not come in step."""
        return max(seconds, 0.0) * (1 + self._dice()) / 10

    def pause(self, remaining: float) -> float | None:
        """Seconds until the next renewal of what is good for so many seconds; None when it will have ended by then."""
        if remaining > self.prior:
            self._grace = self._new_grace(remaining)
        self.prior = remaining
        pause = remaining * 2 / 3 + self._grace / 3
        return None if min(remaining, remaining - pause) <= self._grace else pause


class Renewer:
    """Keeps one lease or token alive.

    ``renew`` asks Vault and gives the part of the answer that has the new duration. ``sleep`` waits for seconds,
    ``clock`` tells them, ``dice`` gives random numbers from 0 to 1. ``log`` hears of the end under the ``name``.
    """

    def __init__(
        self,
        name: str,
        renew: Callable[[], Awaitable[Mapping[str, Any] | None]],
        log: logging.Logger,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] = DICE.random,
    ) -> None:
        self._name = name
        self._renew = renew
        self._log = log
        self._sleep = sleep
        self._clock = clock
        self._dice = dice

    async def run(self, seconds: float) -> Exception | None:
        """Renew what was granted for so many seconds. Returns when it is about to end or what renewing failed with."""
        failure: Exception | None = None
        try:
            await self._keep(_Lifetime(seconds, self._dice))
        except (VaultError, ConsulError, OSError) as error:
            failure = error
            self._log.warning("%s: failed to renew: %s", self._name, error)
        self._log.warning("%s: renewer done (maybe the lease expired)", self._name)
        return failure

    async def _keep(self, lifetime: _Lifetime) -> None:
        start, may_renew = self._clock(), True
        while True:
            remaining = start + lifetime.prior - self._clock()
            if may_renew:
                try:
                    remaining = await self._renewed()
                    start = self._clock()
                except VaultError as error:
                    if "permission denied" not in str(error):
                        raise
                    may_renew = False  # it is good until its end all the same
            pause = lifetime.pause(remaining)
            if pause is None:
                return
            await self._sleep(pause)

    async def _renewed(self) -> float:
        """The seconds that a renewal gave. Raises VaultError for the last one that Vault grants."""
        answer = await self._renew()
        if answer is None:
            raise VaultError(0, "returned empty secret data")
        if not answer.get("renewable"):
            raise VaultError(0, "secret is not renewable")
        return _seconds(answer, "lease_duration")


class Lease:
    """How long the newest answer for a secret is good for. ``log`` hears of renewals that end under the ``name``."""

    def __init__(self, name: str, log: logging.Logger) -> None:
        self._name = name
        self._log = log
        self._item: Mapping[str, Any] | None = None
        self._is_over = False

    def took(self, item: Mapping[str, Any]) -> None:
        """An answer came."""
        self._item, self._is_over = item, False

    async def wait(
        self,
        client: Callable[[], Awaitable[VaultClient]],
        *,
        default_lease: float,
        threshold: float,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Wait until the secret has to be fetched again, and renew it till then where that is possible.

        Returns at once where it was waited for already: whoever failed to fetch it tries again.
        """
        if self._item is None:
            return
        auth: Mapping[str, Any] = self._item.get("auth") or {}
        held, credential = (auth, auth.get("client_token")) if auth else (self._item, self._item.get("lease_id"))
        if held.get("renewable") and credential:
            await self._renew(client, held, str(credential), sleep, is_token=bool(auth))
        elif not self._is_over:
            pause = lease_pause(self._item, default_lease, threshold, DICE.random())
            self._log.log(TRACE, "%s: next look in %.0fs", self._name, pause)
            await sleep(pause)
        self._is_over = True

    async def _renew(
        self,
        client: Callable[[], Awaitable[VaultClient]],
        held: Mapping[str, Any],
        credential: str,
        sleep: Callable[[float], Awaitable[None]],
        *,
        is_token: bool,
    ) -> None:
        async def renew() -> Mapping[str, Any] | None:
            vault = await client()
            if is_token:
                return ((await vault.renew_self(credential)) or {}).get("auth")
            return await vault.renew_lease(credential)

        await Renewer(self._name, renew, self._log, sleep=sleep).run(_seconds(held, "lease_duration"))


async def keep_token(
    client: Callable[[], Awaitable[VaultClient]],
    logger: logging.Logger,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Renew Vault's token until that makes no sense any more; a server that is away is tried again."""

    async def renew() -> Mapping[str, Any] | None:
        return ((await (await client()).renew_self()) or {}).get("auth")

    pause = 1.0
    while True:
        failure = await Renewer("vault.token", renew, logger).run(1.0)  # how long it is good for is not known yet
        if failure is None or (isinstance(failure, VaultError) and failure.status < 500):
            return
        pause = min(pause * 2, 60.0)
        await sleep(pause)
