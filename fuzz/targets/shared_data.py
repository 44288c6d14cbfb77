"""Data that instances of the template tool share through a key: values for any bytes, or an error in words."""

from __future__ import annotations

import base64

from pyconsul_template import gob, lzw

_PLAIN = gob.encode({"Version": ("string", "1"), "Data": ("map[string]interface {}", {"kv.block(a)": "1", "b": None})})
SEEDS = [_PLAIN, lzw.compress(_PLAIN), base64.b64decode("AF/8GRAgAAM6ZdrAYRMGIZGGYQL8AwQggIAAB6yU")]
TOKENS = [
    b"\0",
    b"\1",
    b"\xff\x82",
    b"\xf8",
    b"\xff\x81\x04",
    b"\x06string\x0c",
    b"interface {}",
    bytes(9),
    b"\xff" * 4,
]


def run(data: bytes) -> None:
    """Take the bytes as packed ones and as plain ones."""
    try:
        assert lzw.decompress(lzw.compress(data)) == data
        gob.decode(lzw.decompress(data))
    except (gob.GobError, lzw.LzwError) as error:
        assert str(error)
    try:
        gob.decode(data)
    except gob.GobError as error:
        assert str(error)
