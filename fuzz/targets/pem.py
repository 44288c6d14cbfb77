"""PEM blocks: certificates and keys in files, config entries and auth methods."""

from __future__ import annotations

from pyconsul.lang import gopem
from pyconsul.structs.config_entries.key_pairs import key_pair_fault

_ONE = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
SEEDS = [_ONE, _ONE * 3, b"-----BEGIN PRIVATE KEY-----\nProc-Type: 4\n\nQUJD\nRA==\n-----END PRIVATE KEY-----\n"]
TOKENS = [b"-----BEGIN ", b"-----END ", b"-----", b"\n", b"\r\n", b"A: b\n", b"=", b"RSA PRIVATE KEY"]


def run(data: bytes) -> None:
    """A block has no more content than text; what is wrong with a pair is told in words."""
    assert sum(len(block.content) for block in gopem.blocks(data)) <= len(data)
    text = data.decode("utf-8", "surrogateescape")
    assert key_pair_fault(text, text)
