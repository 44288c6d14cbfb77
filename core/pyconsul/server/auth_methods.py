"""Auth methods ready for logins: one validator for each, made anew when the auth method is written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from pyconsul.acl.methods.protocol import Answer, Ask, Factory, MethodError, Validator
from pyconsul.primitives import plugins
from pyconsul.primitives.tls import client_context

if TYPE_CHECKING:
    from pyconsul.structs.acl_auth import ACLAuthMethod

GROUP: Final = "auth_method"
TIMEOUT: Final = 30.0  # seconds for one request to an issuer
BODY_LIMIT: Final = 1 << 20  # bytes of an answer that are read
_FIRST_WAIT: Final = 0.5  # seconds before the first retry; doubled each time
_LONGEST_WAIT: Final = 30.0


def known_types() -> list[str]:
    """The types of auth methods that there are, sorted."""
    return plugins.names(GROUP)


def open_validator(method: ACLAuthMethod) -> Validator:
    """A fresh validator. Raises MethodError for a configuration that cannot be used."""
    open_method: Factory = plugins.load(GROUP, method.Type)
    return open_method(method.Name, method.Config or {}, fetch)


class AuthMethods:
    """The validators of a server."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[ACLAuthMethod, Validator]] = {}

    def validator(self, method: ACLAuthMethod) -> Validator:
        """The validator of a stored auth method; it keeps the keys that it fetched. Raises MethodError."""
        known = self._open.get(method.Name.lower())
        # The row and not its index: two clusters that one script has set up share indexes, and snapshots go both ways.
        if known is not None and known[0] is method:
            return known[1]
        try:
            fresh = open_validator(method)
        except MethodError as error:
            raise MethodError(f'auth method validator for "{method.Name}" could not be initialized: {error}') from None
        self._open[method.Name.lower()] = (method, fresh)
        return fresh

    def forget(self, name: str) -> None:
        """Let go of a validator whose auth method is gone."""
        self._open.pop(name.lower(), None)


async def fetch(ask: Ask, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> Answer:
    """Ask an issuer; again, as often as the question says, where another answer may come.

    ``pause`` lets so many seconds pass. Raises MethodError with Go's text where no answer came.
    """
    wait = _FIRST_WAIT
    for _ in range(ask.retries):
        with contextlib.suppress(MethodError):
            answer = await _fetch_once(ask)
            if not answer.is_temporary:
                return answer
        await pause(wait)
        wait = min(wait * 2, _LONGEST_WAIT)
    return await _fetch_once(ask)


async def _fetch_once(ask: Ask) -> Answer:
    from pyconsul.primitives.links import Trust  # only servers with auth methods pay for it
    from pyconsul.toolkit.web import DEADLINE, WebError
    from pyconsul.toolkit.web import ask as ask_web
    from pyconsul.toolkit.web_request import RequestError, request_of

    headers = {name: [value] for name, value in ask.headers.items()} | ({"Host": [ask.host]} if ask.host else {})
    try:
        trust = Trust(lambda verify: client_context(ca_pem=ask.ca, verify=verify))
        request = request_of(ask.method, ask.url, headers, ask.body)
        async with await ask_web(
            request, patience=TIMEOUT, trust=trust, follow=ask.follow, deadline_text=DEADLINE
        ) as reply:
            body = b""
            async for piece in reply:
                body += piece
                if len(body) >= BODY_LIMIT:
                    break
            return Answer(reply.line.rstrip(), reply.headers.get("content-type", ""), body[:BODY_LIMIT])
    except (RequestError, WebError, OSError) as error:
        raise MethodError(str(error)) from None
