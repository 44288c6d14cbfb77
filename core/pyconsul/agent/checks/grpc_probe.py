"""gRPC checks: the standard health service (grpc.health.v1), one unary call over HTTP/2, without a gRPC library."""

from __future__ import annotations

import asyncio

from pyconsul.agent.checks.dialing import DialError
from pyconsul.agent.checks.grpc_health import (
    PATH,
    SERVING,
    STATES,
    GrpcError,
    health_request,
    health_state,
    reset_error,
)
from pyconsul.agent.checks.h2_connection import ALPN, H2Connection, H2Error, StreamReset
from pyconsul.agent.checks.probes import ProbeSettings, Result, check_kind, timeout_of
from pyconsul.primitives.links import HandshakeError
from pyconsul.structs.health import CRITICAL, PASSING

_DEADLINE = "context deadline exceeded"


@check_kind("grpc")
class GrpcProbe:
    """Asks ``host:port[/service]``."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._check = settings.type
        self._target = settings.type.ProxyGRPC or settings.type.GRPC
        self._service = settings.type.GRPC.partition("/")[2]
        self._trust = settings.trust(ALPN) if settings.type.GRPCUseTLS else None

    async def attempt(self) -> Result:
        """Passing when the service says SERVING."""
        try:
            state = await self._state()
        except GrpcError as error:
            return Result(CRITICAL, str(error))
        except StreamReset as error:
            return Result(CRITICAL, str(reset_error(error)))
        except EOFError:
            return Result(CRITICAL, "EOF")
        if state != SERVING:
            return Result(CRITICAL, f"gRPC {self._target} serving status: {STATES.get(state, str(state))}")
        return Result(PASSING, f"gRPC check {self._target}: success")

    async def _state(self) -> int:
        """What the service says. Raises GrpcError, StreamReset, and EOFError for an empty answer."""
        address = self._target.partition("/")[0]
        connected = False
        try:
            async with asyncio.timeout(timeout_of(self._check)):
                async with await H2Connection.open(address, self._trust, self._check.TLSServerName) as connection:
                    await connection.greet()
                    connected = True
                    if connection.is_draining:
                        raise _draining()
                    return health_state(await connection.call(PATH, health_request(self._service)))
        except TimeoutError:
            where = "" if connected else "received context error while waiting for new LB policy update: "
            raise GrpcError("DeadlineExceeded", where + _DEADLINE) from None
        except DialError as error:
            what = "authentication handshake failed" if isinstance(error, HandshakeError) else "Error while dialing"
            raise _unavailable(f"transport: {what}: {error}") from None
        except H2Error as error:
            raise _broken(error) from None


def _draining() -> GrpcError:
    return GrpcError("Unavailable", "the connection is draining")


def _unavailable(text: str) -> GrpcError:
    escaped = text.replace('"', '\\"')
    return GrpcError("Unavailable", f'connection error: desc = "{escaped}"')


def _broken(error: H2Error) -> GrpcError:
    """How gRPC tells of a connection that ended too early."""
    if not error.greeted:
        return _unavailable(f"error reading server preface: {error}")
    if error.refused:
        return _draining()
    reading = f"error reading from server: {error}"
    if not error.goaway:
        return GrpcError("Unavailable", reading)
    text = (
        f'closing transport due to: connection error: desc = "{reading}", received prior goaway: code: {error.goaway}'
    )
    return GrpcError("Unavailable", text)
