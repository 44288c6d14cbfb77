"""Blocks of header fields: whatever the pieces and the turns, what the library makes of them as a whole."""

import hpack
import hpack.exceptions
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyconsul.agent.http.hpack_fields import FIELD_WORK, BadBlock, Field, FieldReader

LONGEST = 10_000
NAMES = st.sampled_from([b":path", b"accept", b"x-long", b"x"]) | st.binary(max_size=20)
FIELDS = st.lists(st.tuples(NAMES, st.sampled_from([b"", b"gzip, deflate"]) | st.binary(max_size=60)), max_size=6)


def read(reader: FieldReader, pieces: list[bytes], work: int) -> list[Field]:
    """All fields of one block."""
    found: list[Field] = []
    for piece in pieces:
        reader.feed(piece)
        while True:
            some, _ = reader.take(work)
            found += some
            if reader.is_through:
                break
    found += reader.take(work)[0]
    reader.end()
    return found


def cut(data: bytes, size: int) -> list[bytes]:
    """Pieces of that size."""
    return [data[at : at + size] for at in range(0, len(data), size)] or [b""]


@given(st.lists(FIELDS, max_size=4), st.booleans(), st.integers(1, 70), st.integers(1, 200), st.integers(0, 4096))
def test_pieces_and_turns_make_no_difference(
    blocks: list[list[Field]], packed: bool, size: int, work: int, table: int
) -> None:
    """Also where later blocks refer to fields of earlier ones, and the client wants a smaller table."""
    encoder, reader = hpack.Encoder(), FieldReader(LONGEST)
    encoder.header_table_size = table
    for fields in blocks:
        assert read(reader, cut(encoder.encode(fields, huffman=packed), size), work) == fields


@given(st.binary(max_size=40), st.integers(1, 9))
@example(b"\x3f\xe1\x1f" + b"\x20", 1)
@example(b"\xbe", 1)
@example(b"\x00\x81\xff\x00", 1)
@example(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 2)
def test_any_bytes_are_fields_or_none_as_for_the_library(data: bytes, size: int) -> None:
    """A block that one of both refuses the other refuses, too."""
    try:
        expected = [(bytes(name), bytes(value)) for name, value in hpack.Decoder().decode(data, raw=True)]
    except hpack.exceptions.HPACKError:
        expected = None
    try:
        found = read(FieldReader(1 << 30), cut(data, size), 50)
    except BadBlock:
        found = None
    assert found == expected


def test_work_is_bounded_by_bytes_and_by_fields() -> None:
    """A byte may stand for a field, and a field may be long."""
    reader = FieldReader(LONGEST)
    reader.feed(b"\x82" * 1000)
    assert len(reader.take(10 * FIELD_WORK)[0]) == 10
    reader = FieldReader(LONGEST)
    reader.feed(b"\x00\x01x\x7f\x91\x4d" + b"v" * 10_000)
    turns = 1
    while not (found := reader.take(1000)[0]):
        turns += 1
    assert turns >= 10 and found == [(b"x", b"v" * 10_000)]


def test_what_nobody_wants_is_passed_over_but_what_may_be_referred_to() -> None:
    """The rest of a block that has become too long still counts for the blocks that follow."""
    encoder, reader = hpack.Encoder(), FieldReader(LONGEST)
    reader.wanted = False
    assert read(reader, [encoder.encode([("kept", "1")]) + b"\x00\x83\xff\xff\xff\x01v"], 1000) == []
    assert read(reader, [encoder.encode([("kept", "1")])], 1000) == [(b"kept", b"1")]


@pytest.mark.parametrize("packed", [b"\x00\x01x\x7f\x92\x4e", b"\x00\x01x\xff\x92\x4e"])
def test_a_text_that_is_too_long_is_refused_at_its_length(packed: bytes) -> None:
    """Before a byte of it has come."""
    reader = FieldReader(LONGEST)
    reader.feed(packed)
    with pytest.raises(BadBlock):
        reader.take(1000)
