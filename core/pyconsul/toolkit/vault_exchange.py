"""How a request gets to Vault and back: not too often, again after failures, and to another server when told to.

A standby that does not forward requests sends its clients to the active server; Vault's own client follows once.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import msgspec

from pyconsul.lang import gourl
from pyconsul.lang.strconv import quote
from pyconsul.primitives.dice import DICE
from pyconsul.sdk.client import AsyncClient
from pyconsul.sdk.errors import TransportError
from pyconsul.sdk.request import Answer
from pyconsul.sdk.retry import Retry
from pyconsul.sdk.settings import Settings as ClientSettings
from pyconsul.toolkit.stanzas import SECOND, Vault
from pyconsul.toolkit.vault_environment import RateLimit

REDIRECTIONS = (301, 302, 307)
"""The statuses that Vault's client follows."""


class VaultError(Exception):
    """Vault said no; the text is the one Vault's own client prints."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Ask(NamedTuple):
    """One request: ``target`` is an escaped path, ``body`` JSON."""

    method: str
    target: str
    params: Mapping[str, str]
    body: bytes | None
    headers: Mapping[str, str]


class Told(NamedTuple):
    """An answer and the URL that gave it, without the query."""

    answer: Answer
    url: str


class Throttle:
    """When the next request may go: ``limit`` as a bucket of tokens that may be owed."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._tokens = float(limit.burst)
        self._at = 0.0

    def pause(self, now: float, patience: float) -> float:
        """Seconds to wait from ``now`` on; as in Vault's client, a wait of more than ``patience`` is left out."""
        rate, burst = self._limit.rate, self._limit.burst
        if rate <= 0 or burst < 1:
            return 0.0
        tokens = min(float(burst), self._tokens + (now - self._at) * rate) - 1
        pause = max(0.0, -tokens / rate)
        if pause > patience:
            return 0.0
        self._tokens, self._at = tokens, now
        return pause


class Exchange:
    """Asks one Vault server, or whom it names; ``sleep`` and ``locate`` as in ``VaultClient``."""

    def __init__(
        self,
        settings: Vault,
        sleep: Callable[[float], Awaitable[None]],
        locate: Callable[[str], Awaitable[str]],
    ) -> None:
        self._settings = settings
        self._variables = settings.variables
        self._sleep = sleep
        self._locate = locate
        self._address = settings.server
        self._clients = {self._address: self._client(self._address)}
        self._throttle = Throttle(self._variables.rate_limit) if self._variables.rate_limit else None

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    async def send(self, ask: Ask) -> Told:
        """The answer, of whatever status. Raises VaultError for bad redirections, or the SDK's TransportError."""
        patience = self._variables.patience.timeout
        if self._throttle is not None:
            await self._sleep(self._throttle.pause(time.monotonic(), patience))
        server = await self._server()
        url = server.rstrip("/") + ask.target
        answer = await self._repeated(server, ask)
        if answer.status not in REDIRECTIONS or not self._variables.follows:
            return Told(answer, url)
        there = location_of(ask.method, url, answer)
        origin = f"{there.scheme}://{there.host}"
        answer = await self._repeated(origin, ask._replace(target=there.escaped_path() or "/"))
        return Told(answer, origin + there.escaped_path())

    async def _server(self) -> str:
        """The address to ask: with ``VAULT_SRV_LOOKUP`` and no port each request goes where DNS says the service is."""
        if not self._variables.discovers:
            return self._address
        try:
            url = gourl.parse(self._address)
        except gourl.UrlError:
            return self._address  # whose client tells what is wrong with it
        if url.port() or url.scheme not in ("http", "https"):
            return self._address
        found = await self._locate(url.hostname())
        return msgspec.structs.replace(url, host=found).text() if found else self._address

    def _client(self, address: str) -> AsyncClient:
        settings = self._settings
        return AsyncClient(
            ClientSettings(
                address=address,
                tls=settings.tls.for_client(),
                retry=Retry.NEVER,
                connect_timeout=settings.transport.dial_timeout / SECOND or 30.0,
            )
        )

    async def _repeated(self, address: str, ask: Ask) -> Answer:
        """The answer; of a server that is out of order for the moment the last one. Raises TransportError."""
        client = self._clients.get(address) or self._clients.setdefault(address, self._client(address))
        patience = self._variables.patience
        failures = 0
        while True:
            failures += 1
            try:
                answer = await _answer(client, ask)
            except TransportError as error:
                pause = patience.pause(failures, 0, "", DICE.random())
                if pause is None or "failed to verify certificate" in error.reason:
                    raise
            else:
                pause = patience.pause(failures, answer.status, answer.header("retry-after"), DICE.random())
                if pause is None:
                    return answer
            await self._sleep(pause)


async def _answer(client: AsyncClient, ask: Ask) -> Answer:
    """One exchange; the SDK follows no redirections where an answer is read in pieces."""
    async with await client.raw(*ask, stream=True) as stream:
        return await stream.read()


def location_of(method: str, url: str, answer: Answer) -> gourl.Url:
    """Where a redirection leads. Raises VaultError."""
    location = answer.header("location")
    if not location:
        raise VaultError(0, "http: no Location header in response")
    base = gourl.parse(url)
    try:
        there = gourl.resolve(base, gourl.parse(location, strict_colons=False))
    except gourl.UrlError as error:
        verb = method.capitalize()
        raise VaultError(
            0, f"{verb} {quote(url)}: failed to parse Location header {quote(location)}: {error}"
        ) from None
    if base.scheme == "https" and there.scheme != "https":
        raise VaultError(0, "redirect would cause protocol downgrade")
    return there
