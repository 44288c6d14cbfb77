"""gRPC checks: the standard health service (grpc.health.v1), one unary call over HTTP/2, without a gRPC library."""

from __future__ import annotations

import asyncio
import struct
from typing import Final

from pyconsul.agent.checks.dialing import DialError
from pyconsul.agent.checks.h2_connection import H2Answer, H2Connection, H2Error
from pyconsul.agent.checks.probes import ProbeSettings, Result, check_kind, timeout_of
from pyconsul.structs.health import CRITICAL, PASSING

_PATH: Final = "/grpc.health.v1.Health/Check"
_SERVING: Final = 1
_STATES: Final = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
# Status codes of gRPC, by number.
_CODES: Final = (
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
)


class GrpcError(Exception):
    """A call that failed, in the words of Go's gRPC library."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"rpc error: code = {code} desc = {text}")


@check_kind("grpc")
class GrpcProbe:
    """Asks ``host:port[/service]``."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._check = settings.type
        self._target = settings.type.ProxyGRPC or settings.type.GRPC
        self._service = settings.type.GRPC.partition("/")[2]
        self._context = settings.tls(settings.type) if settings.type.GRPCUseTLS else None

    async def attempt(self) -> Result:
        """Passing when the service says SERVING."""
        address = self._target.partition("/")[0]
        try:
            async with asyncio.timeout(timeout_of(self._check)):
                async with await H2Connection.open(address, self._context, self._check.TLSServerName) as connection:
                    state = health_state(await connection.call(_PATH, health_request(self._service)))
        except TimeoutError:
            return _failed(GrpcError("DeadlineExceeded", "context deadline exceeded"))
        except DialError as error:
            what = "authentication handshake failed" if str(error).startswith("tls: ") else "Error while dialing"
            return _unavailable(f"transport: {what}: {error}")
        except (H2Error, OSError) as error:
            greeting = isinstance(error, H2Error) and error.greeting
            return _unavailable(f"error reading server preface: {error}" if greeting else str(error))
        except GrpcError as error:
            return _failed(error)
        if state != _SERVING:
            shown = _STATES.get(state, str(state))
            return Result(CRITICAL, f"gRPC {self._target} serving status: {shown}")
        return Result(PASSING, f"gRPC check {self._target}: success")

    async def close(self) -> None:
        """Nothing is held."""


def _unavailable(text: str) -> Result:
    return _failed(GrpcError("Unavailable", f'connection error: desc = "{text}"'))


def _failed(error: GrpcError) -> Result:
    return Result(CRITICAL, str(error))


def health_request(service: str) -> bytes:
    """A framed HealthCheckRequest: field 1 is the service's name."""
    name = service.encode()
    message = b"" if not name else b"\x0a" + _varint(len(name)) + name
    return struct.pack(">BI", 0, len(message)) + message


def health_state(answer: H2Answer) -> int:
    """The serving state in an answer. Raises GrpcError for a failed call or a body that is none."""
    status = answer.headers.get(":status", "")
    if status != "200":
        raise GrpcError("Unknown", f"unexpected HTTP status code received from server: {status}")
    code = answer.headers.get("grpc-status", "")
    if code not in ("", "0"):
        number = int(code) if code.isdigit() else 2
        name = _CODES[number] if number < len(_CODES) else f"Code({number})"
        raise GrpcError(name, answer.headers.get("grpc-message", ""))
    body = bytes(answer.body)
    if len(body) < 5 or body[0] != 0 or len(body) - 5 < struct.unpack(">I", body[1:5])[0]:
        raise GrpcError("Internal", "malformed health check answer")
    return _status_field(body[5:])


def _status_field(message: bytes) -> int:
    """Field 1 (varint) of a HealthCheckResponse; absent means UNKNOWN. Other fields are skipped."""
    at, state = 0, 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _read_varint(message, at)
            if key >> 3 == 1:
                state = value
        elif kind == 2:
            length, at = _read_varint(message, at)
            at += length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise GrpcError("Internal", "malformed health check answer")
    return state


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise GrpcError("Internal", "malformed health check answer")
