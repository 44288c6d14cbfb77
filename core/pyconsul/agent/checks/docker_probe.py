"""Docker checks: a command inside a container, by the engine's HTTP API; exit codes mean what they do for scripts."""

from __future__ import annotations

import os
from typing import Any, Final
from urllib.parse import quote, quote_plus

import aiohttp
import msgspec
from yarl import URL

from pyconsul.agent.checks.dialing import dial_text
from pyconsul.agent.checks.outputs import Tail
from pyconsul.agent.checks.probes import NotImplementedHere, ProbeSettings, Result, check_kind
from pyconsul.structs import gojson
from pyconsul.structs.health import CRITICAL, PASSING, WARNING
from pyconsul.telemetry import logger

_log = logger("agent")
DEFAULT_HOST: Final = "unix:///var/run/docker.sock"


class DockerError(Exception):
    """The engine did not do what was asked; the text is the check's output."""


class _Exec(msgspec.Struct):
    Id: str = ""
    ExitCode: int | None = None


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
        return Result({0: PASSING, 1: WARNING}.get(code, CRITICAL), tail.captured())

    async def close(self) -> None:
        """Close the connections to the engine."""
        await self._engine.close()


class _Engine:
    """The three calls of the engine's API that a check needs."""

    def __init__(self, host: str, limit: int) -> None:
        protocol, slashes, address = host.partition("://")
        if not slashes:
            raise NotImplementedHere(f"unable to parse docker host `{host}`")
        self._socket = address if protocol == "unix" else ""
        self._base = "http://docker" if self._socket else f"http://{address.rstrip('/')}"
        self._shown = f"http://{quote(address, safe='')}" if self._socket else self._base  # in Go's errors
        self._address = address
        self._limit = limit
        self._session: aiohttp.ClientSession | None = None

    async def create(self, container: str, command: list[str]) -> str:
        body = {"AttachStdin": False, "AttachStdout": True, "AttachStderr": True, "Tty": False, "Cmd": command}
        what = f"create exec failed for container {container}"
        code, tail = await self._call("POST", f"/containers/{quote_plus(container)}/exec", body, what)
        if code == 201:
            try:
                return msgspec.json.decode(tail.text(), type=_Exec).Id
            except msgspec.MsgspecError as error:
                text = f"create exec response for container {container} cannot be parsed: {error}"
                raise DockerError(text) from None
        if code == 404:
            raise DockerError(f"create exec failed for unknown container {container}")
        if code == 409:
            raise DockerError(f"create exec failed since container {container} is paused or stopped")
        raise DockerError(f"{what} with status {code}: {tail.text()}")

    async def start(self, container: str, run: str) -> Tail:
        what = f"start exec failed for container {container}"
        code, tail = await self._call("POST", f"/exec/{run}/start", {"Detach": False, "Tty": True}, what)
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
            try:
                return msgspec.json.decode(tail.text(), type=_Exec).ExitCode or 0
            except msgspec.MsgspecError as error:
                text = f"inspect exec response for container {container} cannot be parsed: {error}"
                raise DockerError(text) from None
        if code == 404:
            raise DockerError(f"{what}: invalid exec id {run}")
        raise DockerError(f"{what} with status {code}: {tail.text()}")

    async def _call(self, method: str, path: str, body: Any, what: str) -> tuple[int, Tail]:
        """Status and end of the answer. Raises DockerError that starts with ``what``."""
        asked = f'{method.capitalize()} "{self._shown}{path}"'
        headers = {"Content-Type": "application/json"} if body is not None else {}
        data = None if body is None else gojson.encode(body) + b"\n"
        try:
            async with self._open().request(
                method, URL(self._base + path, encoded=True), data=data, headers=headers
            ) as answer:
                tail = Tail(self._limit)
                async for piece in answer.content.iter_any():
                    tail.write(piece)
                return answer.status, tail
        except aiohttp.ClientConnectorError as error:
            network = "unix" if self._socket else "tcp"
            raise DockerError(f"{what}: {asked}: {dial_text(network, self._address, error.os_error)}") from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise DockerError(f"{what}: {asked}: {error}") from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.UnixConnector(self._socket) if self._socket else aiohttp.TCPConnector()
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout())
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
