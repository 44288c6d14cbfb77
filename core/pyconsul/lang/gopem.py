"""PEM as Go's ``encoding/pem`` reads it.

What is around the blocks does not count, what is no block is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from pyconsul.primitives import base64_text

_BEGIN: Final = b"-----BEGIN "
_END: Final = b"-----END "
_DASHES: Final = b"-----"


class Block(msgspec.Struct, frozen=True):
    """What stands between a first and a last line that both name its ``kind``, decoded."""

    kind: str
    content: bytes


def blocks(data: bytes) -> Iterator[Block]:
    """The blocks of a text one after the other. A line is looked at once, however many blocks begin."""
    kind: bytes | None = None
    body: list[bytes] = []
    in_headers = has_headers = False
    for raw in data.split(b"\n"):
        line = raw.removesuffix(b"\r").rstrip(b" \t")
        if kind is not None and in_headers and b":" in line:
            has_headers = True
        elif line.startswith(_BEGIN):
            kind = _named(line, _BEGIN)
            body.clear()
            in_headers, has_headers = True, False
        elif kind is not None and line.startswith(_END):
            # Behind headers Go looks for a line break before the last line: headers alone make no block.
            is_block = _named(line, _END) == kind and (body or not has_headers)
            if is_block and (content := _decoded(body)) is not None:
                yield Block(kind.decode("utf-8", "replace"), content)
            kind = None
        else:
            body.append(line)
            in_headers = False


def first(data: bytes) -> Block | None:
    """The first block; None where there is none."""
    return next(blocks(data), None)


def _named(line: bytes, opening: bytes) -> bytes | None:
    """The kind that a first or last line names; None where it does not end as one."""
    rest = line[len(opening) :]
    return rest.removesuffix(_DASHES) if rest.endswith(_DASHES) else None


def _decoded(body: list[bytes]) -> bytes | None:
    try:
        return base64_text.decode(b"\n".join(body).translate(None, b" \t"))
    except base64_text.IllegalBase64:
        return None
