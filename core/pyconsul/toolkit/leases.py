"""How long secrets of Vault are good for, and keeping its token alive."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pyconsul.sdk.errors import ConsulError
from pyconsul.toolkit.vault import VaultClient, VaultError


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
            base = ttl + 1
        if "rotation_period" in data and "ttl" in data:
            base, rotates = _seconds(data, "ttl") + 1, True
    if base <= 0:
        base = default_lease
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


async def keep_token(client: Callable[[], Awaitable[VaultClient]], logger: logging.Logger) -> None:
    """Renew Vault's token for ever, or until that makes no sense any more."""
    pause = 1.0
    while True:
        try:
            answer = await (await client()).renew_self()
            auth = (answer or {}).get("auth") or {}
            if not auth.get("renewable"):
                logger.warning("vault.token: token is not renewable")
                return
            pause = max((_seconds(auth, "lease_duration") or 60.0) / 3 * (random.random() + 1) / 2, 1.0)
        except VaultError as error:
            _tell_failure(logger, error)
            if error.status in (400, 403):
                return
            pause = min(pause * 2, 60.0)
        except (ConsulError, OSError) as error:
            _tell_failure(logger, error)
            pause = min(pause * 2, 60.0)
        await asyncio.sleep(pause)


def _tell_failure(logger: logging.Logger, error: Exception) -> None:
    logger.warning("vault.token: failed to renew: %s", error)
    logger.warning("vault.token: renewer done (maybe the lease expired)")
