"""Questions to the health service of gRPC and what its answers mean, in the words of Go's gRPC library. No I/O."""

from __future__ import annotations

import re
import struct
from typing import Final
from urllib.parse import unquote

from pyconsul.agent.checks.h2_connection import H2Answer, StreamReset
from pyconsul.lang.gohttp import status_text
from pyconsul.lang.strconv import quote

PATH: Final = "/grpc.health.v1.Health/Check"
SERVING: Final = 1
STATES: Final = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_MAX_MESSAGE: Final = 4 << 20  # bytes
_PREFIX: Final = 5  # bytes before a message: a flag and the length
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
# What HTTP's codes are in gRPC's (gRPC's "HTTP to gRPC Status Code Mapping"); others are Unknown.
_OF_HTTP: Final = {
    400: "Internal",
    401: "Unauthenticated",
    403: "PermissionDenied",
    404: "Unimplemented",
    429: "Unavailable",
    502: "Unavailable",
    503: "Unavailable",
    504: "Unavailable",
}
# What HTTP/2's error codes are in gRPC's ("PROTOCOL-HTTP2", errors); those that are no code are Unknown.
_OF_RESET: Final = {
    3: "ResourceExhausted",
    7: "Unavailable",
    8: "Canceled",
    11: "ResourceExhausted",
    12: "PermissionDenied",
}
_LAST_RESET: Final = 13
_OK: Final = 200
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")


class GrpcError(Exception):
    """A call that failed, in the words of Go's gRPC library."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"rpc error: code = {code} desc = {text}")


def reset_error(error: StreamReset) -> GrpcError:
    """How gRPC tells of a call that the peer broke off."""
    known = "Internal" if error.code <= _LAST_RESET else "Unknown"
    return GrpcError(_OF_RESET.get(error.code, known), str(error))


def health_request(service: str) -> bytes:
    """A framed HealthCheckRequest: field 1 is the service's name."""
    name = service.encode()
    message = b"" if not name else b"\x0a" + _varint(len(name)) + name
    return struct.pack(">BI", 0, len(message)) + message


def health_state(answer: H2Answer) -> int:
    """The serving state in an answer. Raises GrpcError for a failed call, EOFError for one without a message."""
    _require_grpc(answer.headers)
    message, rest = _message(answer)
    if not answer.has_trailers:
        raise GrpcError("Internal", "server closed the stream without sending trailers")
    _require_success(answer.headers)
    if message is None:
        raise EOFError
    if rest:
        raise GrpcError("Unknown", "grpc: client streaming protocol violation: get <nil>, want <EOF>")
    return _status_field(message)


def _require_grpc(headers: dict[str, str]) -> None:
    faults: list[str] = []
    status = headers.get(":status", "")
    code = int(status) if status.isdigit() else 0
    if code != _OK:
        faults.append(f"unexpected HTTP status code received from server: {code} ({status_text(code)})")
    kind = headers.get("content-type", "")
    if not kind:
        faults.append("malformed header: missing HTTP content-type")
    elif kind.lower() != "application/grpc" and not kind.lower().startswith(("application/grpc+", "application/grpc;")):
        faults.append(f"transport: received unexpected content-type {quote(kind)}")
    if faults:
        raise GrpcError(_OF_HTTP.get(code, "Unknown"), "; ".join(faults))


def _require_success(headers: dict[str, str]) -> None:
    text = headers.get("grpc-status", "2")
    number = int(text) if _INTEGER.fullmatch(text) else None
    if number is None or not -(1 << 31) <= number < 1 << 31:
        why = "invalid syntax" if number is None else "value out of range"
        raise GrpcError("Internal", f"transport: malformed grpc-status: strconv.ParseInt: parsing {quote(text)}: {why}")
    if number:
        name = _CODES[number] if 0 <= number < len(_CODES) else f"Code({number % (1 << 32)})"
        raise GrpcError(name, unquote(headers.get("grpc-message", "")))


def _message(answer: H2Answer) -> tuple[bytes | None, bytes]:
    """The first message of the body, None where it is empty, and what follows. Raises GrpcError."""
    body = bytes(answer.body)
    if not body:
        return None, b""
    if len(body) < _PREFIX:
        raise GrpcError("Internal", "unexpected EOF")
    flag, size = struct.unpack(">BI", body[:_PREFIX])
    if flag > 1:
        raise GrpcError("Internal", f"grpc: received unexpected payload format {flag}")
    if size > _MAX_MESSAGE:
        raise GrpcError("ResourceExhausted", f"grpc: received message larger than max ({size} vs. {_MAX_MESSAGE})")
    end = _PREFIX + size
    if len(body) < end:
        raise GrpcError("Internal", "unexpected EOF")
    if flag:
        coding = answer.headers.get("grpc-encoding", "identity")
        if coding == "identity":
            raise GrpcError("Internal", "grpc: compressed flag set with identity or empty encoding")
        raise GrpcError("Unimplemented", f"grpc: Decompressor is not installed for grpc-encoding {quote(coding)}")
    return body[_PREFIX:end], body[end:]


def _status_field(message: bytes) -> int:
    """Field 1 (varint) of a HealthCheckResponse; absent means UNKNOWN. Other fields are skipped."""
    at, state = 0, 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _read_varint(message, at)
            if key >> 3 == 1:
                state = struct.unpack("<i", struct.pack("<I", value & 0xFFFFFFFF))[0]
        elif kind == 2:
            length, at = _read_varint(message, at)
            at += length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise _malformed()
        if at > len(message):
            raise _malformed()
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
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _malformed()


def _malformed() -> GrpcError:
    what = "proto: cannot parse invalid wire-format data"
    return GrpcError("Internal", f"grpc: failed to unmarshal the received message: {what}")
