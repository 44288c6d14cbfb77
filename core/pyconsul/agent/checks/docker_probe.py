"""Docker checks: a command inside a container, by the engine's HTTP API; exit codes mean what they do for scripts."""

from __future__ import annotations

import math
import os
from functools import cache
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import quote_plus

import msgspec

from pyconsul.agent.checks.outputs import Tail
from pyconsul.agent.checks.probes import NotImplementedHere, ProbeSettings, Result, check_kind
from pyconsul.lang import gourl
from pyconsul.lang.gojson_syntax import GoSyntaxError
from pyconsul.structs import gojson
from pyconsul.structs.godecode import DecodeError, into, parse
from pyconsul.structs.health import CRITICAL, PASSING, WARNING
from pyconsul.telemetry import logger
from pyconsul.toolkit.web import WebError, ask
from pyconsul.toolkit.web_request import Request

S = TypeVar("S", bound=msgspec.Struct)
_log = logger("agent")
_RESET: Final = "connection reset by peer"
DEFAULT_HOST: Final = "unix:///var/run/docker.sock"


class DockerError(Exception):
    """The engine did not do what was asked; the text is the check's output."""


class _Created(msgspec.Struct):
    go_type: ClassVar = "struct { Id string }"

    Id: str = ""


class _Ended(msgspec.Struct):
    go_type: ClassVar = "struct { ExitCode int }"

    ExitCode: int = 0


def _read(tail: Tail, kind: type[S], what: str) -> S:
    """An answer about a run. Raises DockerError that starts with ``what``."""
    try:
        return into(parse(tail.text().encode()), kind, strict=False)
    except (GoSyntaxError, DecodeError) as error:
        raise DockerError(f"{what} cannot be parsed: {error}") from None


@check_kind("docker")
class DockerProbe:
    """Runs ``ScriptArgs`` in ``DockerContainerID``. The engine is at ``DOCKER_HOST``."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._id = settings.check_id
        self._check = settings.type
        self._limit = settings.output_limit
        self._engine = _Engine(os.environ.get("DOCKER_HOST") or DEFAULT_HOST, settings.output_limit)

    async def attempt(self) -> Result:
        """Exit 0 passing, 1 warning, anything else (also of the engine) critical."""
        container = self._check.DockerContainerID
        try:
            run = await self._engine.create(container, self._check.ScriptArgs or [])
            tail = await self._engine.start(container, run)
            code = await self._engine.inspect(container, run)
        except DockerError as error:
            _log.debug("Check failed", check=self._id, error=error)
            return Result(CRITICAL, str(error))
        if code:
            _log.debug("Check failed", check=self._id, exit_code=code)
        output = tail.captured()
        _log.trace("Check output", check=self._id, output=output)
        return Result({0: PASSING, 1: WARNING}.get(code, CRITICAL), output)


class _Place(msgspec.Struct, frozen=True):
    """Where an engine is: the path of a socket, or an address. ``host`` is its name in requests, "" for the address."""

    socket: str
    host: str
    address: str


@cache  # one engine serves all checks, and the log tells of it once
def _place_of(host: str) -> _Place:
    """A ``DOCKER_HOST``, cut. Raises NotImplementedHere."""
    protocol, slashes, address = host.partition("://")
    if not slashes:
        text = f"unable to parse docker host `{host}`"
        _log.error("error creating docker client", error=text)
        raise NotImplementedHere(text)
    _log.debug("created docker client", host=host)
    if protocol == "unix":
        return _Place(address, "docker", address)
    return _Place("", "", address.partition("/")[0] if protocol == "tcp" else address)


class _Engine:
    """The three calls of the engine's API that a check needs."""

    def __init__(self, host: str, limit: int) -> None:
        self._place = _place_of(host)
        self._limit = limit

    async def create(self, container: str, command: list[str]) -> str:
        body = {"AttachStdin": False, "AttachStdout": True, "AttachStderr": True, "Tty": False, "Cmd": command}
        what = f"create exec failed for container {container}"
        code, tail = await self._call("POST", f"/containers/{quote_plus(container)}/exec", body, what)
        if code == 201:
            return _read(tail, _Created, f"create exec response for container {container}").Id
        if code == 404:
            raise DockerError(f"create exec failed for unknown container {container}")
        if code == 409:
            raise DockerError(f"create exec failed since container {container} is paused or stopped")
        raise DockerError(f"{what} with status {code}: {tail.text()}")

    async def start(self, container: str, run: str) -> Tail:
        what = f"start exec failed for container {container}"
        path, body = f"/exec/{run}/start", {"Detach": False, "Tty": True}
        code, tail = await self._call("POST", path, body, what, may_be_reset=True)
        if code == 200:
            return tail
        if code == 404:
            raise DockerError(f"{what}: invalid exec id {run}")
        if code == 409:
            raise DockerError(f"start exec failed since container {container} is paused or stopped")
        raise DockerError(f"{what} with status {code}: body: {tail.text()} err: <nil>")

    async def inspect(self, container: str, run: str) -> int:
        what = f"inspect exec failed for container {container}"
        code, tail = await self._call("GET", f"/exec/{run}/json", None, what)
        if code == 200:
            return _read(tail, _Ended, f"inspect exec response for container {container}").ExitCode
        if code == 404:
            raise DockerError(f"{what}: invalid exec id {run}")
        raise DockerError(f"{what} with status {code}: {tail.text()}")

    async def _call(
        self, method: str, path: str, body: Any, what: str, *, may_be_reset: bool = False
    ) -> tuple[int, Tail]:
        """Status and end of the answer. Raises DockerError that starts with ``what``.

        With ``may_be_reset`` what came of it before the engine reset the connection counts: some engines end the
        output of a command like that.
        """
        headers = {} if body is None else {"Content-Type": ["application/json"]}
        data = b"" if body is None else gojson.encode(body) + b"\n"
        tail = Tail(self._limit)
        try:
            url = msgspec.structs.replace(gourl.parse(path), scheme="http", host=self._place.address)
            request = Request(method=method, url=url, host=self._place.host, headers=headers, body=data)
            async with await ask(request, patience=math.inf, unix_path=self._place.socket) as reply:
                try:
                    async for piece in reply:
                        tail.write(piece)
                except WebError as error:
                    if not (may_be_reset and _RESET in str(error)):
                        raise
                return reply.status, tail
        except (WebError, gourl.UrlError) as error:
            raise DockerError(f"{what}: {error}") from None
