"""What gRPC checks make of an answer: a state, or an error in the words of Go's gRPC library."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.agent.checks.grpc_health import GrpcError, health_request, health_state, reset_error
from pyconsul.agent.checks.h2_connection import H2Answer, StreamReset

GRPC = {":status": "200", "content-type": "application/grpc"}
SERVING = b"\0\0\0\0\2\x08\x01"


def answer(body: bytes = b"", *, has_trailers: bool = True, **headers: str) -> H2Answer:
    """An answer of gRPC; underscores in names of headers stand for hyphens, a first one for a colon."""
    named = {name.replace("_", ":", 1) if name[0] == "_" else name.replace("_", "-"): headers[name] for name in headers}
    return H2Answer(headers={**GRPC, **named}, body=bytearray(body), has_trailers=has_trailers)


@pytest.mark.parametrize(
    ("body", "state"), [(SERVING, 1), (b"\0\0\0\0\0", 0), (b"\0\0\0\0\x0b\x08" + b"\xff" * 9 + b"\1", -1)]
)
def test_the_state_is_the_first_field(body: bytes, state: int) -> None:
    """A message without it says 0; numbers have a sign."""
    assert health_state(answer(body, grpc_status="0")) == state


@pytest.mark.parametrize(
    ("service", "message"), [("", b""), ("web", b"\x0a\x03web"), ("w" * 300, b"\x0a\xac\x02" + b"w" * 300)]
)
def test_a_request_names_the_service(service: str, message: bytes) -> None:
    """Behind gRPC's five bytes; its length takes as many bytes as it needs."""
    assert health_request(service) == b"\0" + len(message).to_bytes(4, "big") + message


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (answer(grpc_status="12", grpc_message="no%20such%zz"), "Unimplemented desc = no such%zz"),
        (answer(SERVING, grpc_status="13", grpc_message="late"), "Internal desc = late"),
        (answer(grpc_status="99", grpc_message="x"), "Code(99) desc = x"),
        (answer(grpc_status="-1"), "Code(4294967295) desc = "),
        (
            answer(grpc_status="abc"),
            'Internal desc = transport: malformed grpc-status: strconv.ParseInt: parsing "abc": invalid syntax',
        ),
        (
            answer(grpc_status="9999999999"),
            "Internal desc = transport: malformed grpc-status: "
            'strconv.ParseInt: parsing "9999999999": value out of range',
        ),
        (answer(), "Unknown desc = "),
        (
            answer(SERVING, has_trailers=False),
            "Internal desc = server closed the stream without sending trailers",
        ),
        (
            answer(SERVING * 2, grpc_status="0"),
            "Unknown desc = grpc: client streaming protocol violation: get <nil>, want <EOF>",
        ),
        (answer(b"\0\0\0\0\x09x", grpc_status="0"), "Internal desc = unexpected EOF"),
        (answer(b"\2\0\0\0\0", grpc_status="0"), "Internal desc = grpc: received unexpected payload format 2"),
        (
            answer(b"\1\0\0\0\0", grpc_status="0"),
            "Internal desc = grpc: compressed flag set with identity or empty encoding",
        ),
        (
            answer(b"\1\0\0\0\0", grpc_status="0", grpc_encoding="gzip"),
            'Unimplemented desc = grpc: Decompressor is not installed for grpc-encoding "gzip"',
        ),
        (
            answer(b"\0\x7f\0\0\0", grpc_status="0"),
            "ResourceExhausted desc = grpc: received message larger than max (2130706432 vs. 4194304)",
        ),
        (
            answer(b"\0\0\0\0\2\xff\xff", grpc_status="0"),
            "Internal desc = grpc: failed to unmarshal the received message: "
            "proto: cannot parse invalid wire-format data",
        ),
        (
            answer(_status="404", content_type="text/html"),
            "Unimplemented desc = unexpected HTTP status code received from server: 404 (Not Found); "
            'transport: received unexpected content-type "text/html"',
        ),
        (
            answer(_status="503"),
            "Unavailable desc = unexpected HTTP status code received from server: 503 (Service Unavailable)",
        ),
        (answer(content_type=""), "Unknown desc = malformed header: missing HTTP content-type"),
    ],
)
def test_failed_calls_are_told_in_grpcs_words(found: H2Answer, text: str) -> None:
    """Codes by name; what is no gRPC is told by its HTTP status and type."""
    with pytest.raises(GrpcError) as caught:
        health_state(found)
    assert str(caught.value) == f"rpc error: code = {text}"


def test_success_without_a_message_is_an_end_too_early() -> None:
    """Go's library hands the bare ``EOF`` on."""
    with pytest.raises(EOFError):
        health_state(answer(grpc_status="0"))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (7, "Unavailable desc = stream terminated by RST_STREAM with error code: REFUSED_STREAM"),
        (2, "Internal desc = stream terminated by RST_STREAM with error code: INTERNAL_ERROR"),
        (77, "Unknown desc = stream terminated by RST_STREAM with error code: unknown error code 0x4d"),
    ],
)
def test_broken_off_calls_tell_why(code: int, text: str) -> None:
    """HTTP/2's codes have codes of gRPC."""
    assert str(reset_error(StreamReset(code))) == f"rpc error: code = {text}"


@given(st.binary(max_size=40))
def test_any_message_is_a_state_or_an_error(message: bytes) -> None:
    """Broken messages never trip the reader up."""
    framed = struct.pack(">BI", 0, len(message)) + message
    with contextlib.suppress(GrpcError):
        assert isinstance(health_state(answer(framed, grpc_status="0")), int)


@given(st.text(max_size=300))
def test_health_requests_are_framed_protobuf(service: str) -> None:
    """The frame says how long the message is."""
    data = health_request(service)
    assert data[0] == 0 and struct.unpack(">I", data[1:5])[0] == len(data) - 5
    assert data.endswith(service.encode())
