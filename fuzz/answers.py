"""What the targets that read HTTP answers share: it does not matter how the bytes are cut."""

from __future__ import annotations

from collections.abc import Callable

from pyconsul.sdk.http1 import ProtocolError
from pyconsul.toolkit.http2_answer import Http2Answer
from pyconsul.toolkit.web_answer import WebAnswer

Answer = WebAnswer | Http2Answer


def _read(answer: Answer, pieces: list[bytes]) -> tuple[int, str, bytes, bool]:
    """Status, line and body of these pieces, and whether that was all."""
    body = b""
    try:
        for piece in pieces:
            answer.feed(piece)
            body += answer.take_body() if answer.has_head else b""
            if answer.is_complete:
                break
        else:
            answer.feed_end()
    except ProtocolError as error:
        assert str(error)
        return answer.status, answer.line, body, False
    return answer.status, answer.line, body, answer.is_complete


def read_whole_and_in_pieces(new: Callable[[], Answer], data: bytes) -> None:
    """The same comes out, and never more than came."""
    step = 1 + len(data) % 7
    whole = _read(new(), [data])
    assert whole == _read(new(), [data[at : at + step] for at in range(0, len(data), step)])
    assert len(whole[2]) <= len(data)
