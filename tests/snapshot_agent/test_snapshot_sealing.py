"""Encryption of archives before they leave the machine."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul_snapshot_agent.sealing import FRAME_BYTES, MAGIC, Keys, SealError, is_sealed, seal, unseal

KEYS = Keys((bytes(32), bytes(range(32))))
OTHER = Keys((bytes([9]) * 32,))
SIZES = st.sampled_from([0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 2 * FRAME_BYTES])


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """The data in pieces."""
    return (data[at : at + size] for at in range(0, len(data), size))


@settings(deadline=None)
@given(SIZES, st.integers(1000, 200_000))
def test_what_was_sealed_opens_again(size: int, piece: int) -> None:
    """However it is cut on its way, and at every edge of a frame; nothing of it can be read before."""
    plain = b"secret! " * (size // 8) + b"x" * (size % 8)
    sealed = b"".join(seal(cut(plain, piece), KEYS))
    assert is_sealed(sealed)
    assert b"secret!" not in sealed
    assert b"".join(unseal(cut(sealed, piece), KEYS)) == plain


def test_any_key_of_the_file_opens() -> None:
    """So that keys can be replaced: the new one goes on top, the old ones stay below."""
    sealed = list(seal([b"data"], Keys(KEYS.secrets[1:])))
    assert b"".join(unseal(sealed, KEYS)) == b"data"


def test_another_key_says_so() -> None:
    """With the mark of the key that is needed; without any key, too."""
    sealed = list(seal([b"data"], KEYS))
    with pytest.raises(SealError, match=r"the key file does not hold its key \(66687aadf862bd77\)"):
        list(unseal(sealed, OTHER))
    with pytest.raises(SealError, match="no key is configured"):
        list(unseal(sealed, Keys()))


@settings(deadline=None)
@given(st.binary(max_size=100).filter(lambda data: not is_sealed(data)))
def test_what_is_not_sealed_passes_as_it_is(data: bytes) -> None:
    """Archives from before encryption was switched on stay readable."""
    assert b"".join(unseal([data], KEYS)) == data


@settings(deadline=None)
@given(st.data())
def test_sealed_bytes_that_were_changed_do_not_open(data: st.DataObject) -> None:
    """Any byte behind the magic, and any cut: the last frame knows that it is the last."""
    sealed = bytearray(b"".join(seal([bytes(FRAME_BYTES + 100)], KEYS)))
    at = data.draw(st.integers(len(MAGIC), len(sealed) - 1))
    if data.draw(st.booleans()):
        del sealed[at:]
    else:
        sealed[at] ^= 1
    with pytest.raises(SealError):
        list(unseal([bytes(sealed)], KEYS))


def test_frames_cannot_be_dropped_or_swapped() -> None:
    """Neither the last ones nor two in the middle."""
    sealed = b"".join(seal([bytes(3 * FRAME_BYTES)], KEYS))
    size = FRAME_BYTES + 16
    head = len(sealed) - 3 * size
    frames = [sealed[head + n * size : head + (n + 1) * size] for n in range(3)]
    for order in ([0, 1], [1, 0, 2], [0, 2]):
        with pytest.raises(SealError, match="damaged or cut off"):
            list(unseal([sealed[:head], *(frames[n] for n in order)], KEYS))


def test_a_key_file_is_what_keygen_prints(tmp_path: Path) -> None:
    """One key a line, with comments; keys do not show in logs."""
    path = tmp_path / "keys"
    path.write_text(f"# new\n{b64encode(bytes(32)).decode()}  # 2026\n\n{b64encode(bytes(range(32))).decode()}\n")
    assert Keys.from_file(str(path)) == KEYS
    assert repr(KEYS) == "Keys(2)"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the key file holds no key"),
        ("hunter2", "line 1 of the key file is not base64"),
        ("# x\nAAAA", "line 2 of the key file holds 3 bytes, a key has 32"),
    ],
)
def test_a_bad_key_file_is_refused(text: str, problem: str) -> None:
    """The text names the line, never its content."""
    with pytest.raises(SealError, match=problem):
        Keys.from_text(text)


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With its path."""
    with pytest.raises(SealError, match=r"key file .*nothing: no such file or directory"):
        Keys.from_file(str(tmp_path / "nothing"))
