"""PEM blocks, found as Go's ``encoding/pem`` finds them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang import gopem
from pyconsul.lang.gopem import Block

ABC = b"-----BEGIN A-----\nQUJD\n-----END A-----\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ABC, [Block("A", b"ABC")]),
        (ABC.rstrip(), [Block("A", b"ABC")]),
        (ABC.replace(b"\n", b" \t\r\n"), [Block("A", b"ABC")]),
        (b"a key:\n" + ABC + b"and that was it\n" + ABC, [Block("A", b"ABC")] * 2),
        (ABC.replace(b"QUJD", b"QU\n JD "), [Block("A", b"ABC")]),
        (ABC.replace(b"QUJD", b"Proc-Type: 4\nOf: me\n\nQUJD"), [Block("A", b"ABC")]),
        (ABC.replace(b"QUJD\n", b""), [Block("A", b"")]),
        (b"-----BEGIN B-----\nQQ==\n" + ABC, [Block("A", b"ABC")]),
        (ABC.replace(b" A", b" \xc3\xa4\xff"), [Block("ä\ufffd", b"ABC")]),
        (ABC.replace(b"A-----", b"A ----- -----"), [Block("A ----- ", b"ABC")]),
    ],
    ids=[
        "one",
        "no last line end",
        "spaces",
        "text around",
        "lines",
        "headers",
        "empty",
        "begun twice",
        "bytes",
        "dashes",
    ],
)
def test_blocks_are_found(text: bytes, found: list[Block]) -> None:
    """Between two lines that name the same kind stands base64."""
    assert list(gopem.blocks(text)) == found
    assert gopem.first(text) == found[0]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"QUJD",
        b" " + ABC,
        ABC.replace(b"\n", b" "),
        ABC.replace(b"END A", b"END B"),
        ABC.replace(b"END A-----", b"END A-----x"),
        ABC.replace(b"BEGIN A-----", b"BEGIN A---"),
        ABC.replace(b"QUJD", b"QUJ"),
        ABC.replace(b"QUJD", b"QU-D"),
        ABC.replace(b"QUJD", b"Of: me"),
        ABC.removesuffix(b"-----END A-----\n"),
    ],
)
def test_what_is_no_block_is_passed_over(text: bytes) -> None:
    """Without a word, as in Go; a whole block behind it counts."""
    assert gopem.first(text) is None
    assert list(gopem.blocks(text + b"\n" + ABC)) == [Block("A", b"ABC")]


@given(st.lists(st.sampled_from([ABC, b"-----BEGIN A-----\n", b"-----END A-----", b"QUJD", b"\n", b":", b"\r", b"Q"])))
def test_any_text_is_read(parts: list[bytes]) -> None:
    """Whatever comes, what is found is a block of the text."""
    text = b"".join(parts)
    for block in gopem.blocks(text):
        assert block.kind == "A"
        assert b"-----BEGIN A-----" in text
