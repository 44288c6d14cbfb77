"""One HTTP session with a cloud's API: typed JSON answers, time-outs, proxies from the environment, errors in words."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Self, TypeVar, cast

import aiohttp
import msgspec
from yarl import URL

from pyconsul.primitives.tls import client_context
from pyconsul.toolkit.discovery import DiscoverError, Lookup

__all__ = ["Answer", "Api", "missing_extra", "pages", "quieten"]

REQUEST_TIMEOUT: Final = 30.0
METADATA_TIMEOUT: Final = 5.0  # link-local services answer at once or are not there
BODY_LIMIT_BYTES: Final = 64 << 20
PAGE_LIMIT: Final = 1000
SHOWN_CHARACTERS: Final = 300

T = TypeVar("T")


class Answer(NamedTuple):
    """A reply with a status below 300."""

    body: bytes
    headers: Mapping[str, str]


class Api:
    """Requests to one cloud on behalf of one look-up; an async context manager.

    ``direct`` asks without proxies, as link-local metadata services must be. Every method raises DiscoverError.
    """

    def __init__(
        self,
        ask: Lookup,
        *,
        headers: Mapping[str, str] | None = None,
        verify: bool = True,
        timeout: float = REQUEST_TIMEOUT,
        direct: bool = False,
    ) -> None:
        self._ask = ask
        self._headers = {"User-Agent": ask.user_agent, "Accept": "application/json", **(headers or {})}
        self._verify = verify
        self._timeout = timeout
        self._direct = direct
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Reading the system's authorities takes some 20 ms, which an agent's loop does not wait for.
        tls = await asyncio.to_thread(client_context, verify=self._verify)
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            connector=aiohttp.TCPConnector(ssl=tls),
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # vCenter's session; a host may be given as an address
            trust_env=not self._direct,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(
        self, url: str, into: type[T], params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> T:
        """The answer to GET as ``into``."""
        answer = await self.send("GET", url, params=params, headers=headers)
        return self.read(answer.body, into, url)

    async def post(self, url: str, into: type[T], *, data: bytes | None = None, **options: Any) -> T:
        """The answer to POST as ``into``; ``data`` is the body."""
        answer = await self.send("POST", url, data=data, **options)
        return self.read(answer.body, into, url)

    async def send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        basic: tuple[str, str] | None = None,
    ) -> Answer:
        """One request; a status of 300 or above is an error with what the cloud says about it."""
        assert self._session is not None, "used outside of its context"
        given = dict(headers or {})
        if basic is not None:
            given["Authorization"] = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
        try:
            async with self._session.request(
                method, url, params=params, headers=given, data=data, allow_redirects=False
            ) as reply:
                body = await self._body(reply, method, url)
                answer = Answer(body, {name.lower(): value for name, value in reply.headers.items()})
        except TimeoutError:
            raise self._fault(method, url, f"no answer within {self._timeout:g}s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._fault(method, url, str(error) or type(error).__name__) from error
        if reply.status >= 300:
            said = " ".join(answer.body[: SHOWN_CHARACTERS * 4].decode("utf-8", "replace").split())[:SHOWN_CHARACTERS]
            raise self._fault(
                method, url, f"{reply.status} {reply.reason or ''}".strip() + (f": {said}" if said else "")
            )
        return answer

    async def _body(self, reply: aiohttp.ClientResponse, method: str, url: str) -> bytes:
        body = bytearray()
        async for piece in reply.content.iter_any():
            body += piece
            if len(body) > BODY_LIMIT_BYTES:
                raise self._fault(method, url, f"the answer is larger than {BODY_LIMIT_BYTES >> 20} MiB")
        return bytes(body)

    def read(self, body: bytes, into: type[T], url: str) -> T:
        """``body`` as JSON of that type; ``null`` members are as if absent. Raises DiscoverError naming a misfit."""
        try:
            return msgspec.convert(_without_nulls(msgspec.json.decode(body)), into)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._fault("GET", url, f"unexpected answer: {error}") from None

    def pages(self) -> Iterator[int]:
        """See the function of that name."""
        return pages(self._ask)

    def same_origin(self, base: str, url: str) -> str:
        """``url`` as a cloud gave it for the next page, where it is on ``base``'s host: credentials go nowhere else."""
        try:
            following = URL(base).join(URL(url))
            origin = following.origin()
        except ValueError as error:
            raise self._ask.error(f"the next page is no URL: {error}") from None
        if origin != URL(base).origin():
            raise self._ask.error(f"the next page is on another host: {origin}")
        return str(following)

    def _fault(self, method: str, url: str, text: str) -> DiscoverError:
        # Without its query, which may carry a signature.
        return self._ask.error(f"{method} {url.partition('?')[0]}: {text}")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _without_nulls(member) for name, member in members.items() if member is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in cast("list[Any]", value)]
    return value


def pages(ask: Lookup) -> Iterator[int]:
    """Numbers of the pages of a list, from 1; who reads on beyond the limit gets a DiscoverError.

    For whoever answers in a cloud's place may always name a next page.
    """
    yield from range(1, PAGE_LIMIT + 1)
    raise ask.error(f"the list has no end: more than {PAGE_LIMIT} pages")


def quieten(library: str) -> None:
    """Keep a library's log off standard error, where Python puts it while nobody has set up its ``logging``."""
    logging.getLogger(library).addHandler(logging.NullHandler())


def missing_extra(ask: Lookup, extra: str, error: ImportError) -> DiscoverError:
    """What to install when a provider's library is not there."""
    return ask.error(f"{error.name or error} is not installed: pip install 'py-consul-agent[{extra}]'")
