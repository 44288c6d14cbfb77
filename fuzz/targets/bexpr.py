"""Filter expressions: a function that gives a bool, or a FilterError."""

from __future__ import annotations

import msgspec

from pyconsul.lang.bexpr import FilterError, compile_filter


class Row(msgspec.Struct, frozen=True):
    """A row with the usual kinds of fields."""

    Service: str = ""
    Port: int = 0
    Ok: bool = False
    Tags: list[str] = msgspec.field(default_factory=list)
    Meta: dict[str, str] = msgspec.field(default_factory=dict)
    Maybe: dict[str, list[int]] | None = None


ROWS = [Row(), Row("web", 80, True, ["a"], {"b": "c"}, {"d": [1, 2]})]
SEEDS = [
    b'Service == web and ("a" in Tags or not Meta.b matches "^c") or Port != 80',
    b'Meta["b"] is not empty and Maybe.d contains 1 or (((Ok == true)))',
    b"not (Service not contains `x` and Tags is empty)",
]
TOKENS = [
    b"(",
    b")",
    b'"',
    b"`",
    b"[",
    b"]",
    b".",
    b" ",
    b"not ",
    b" and ",
    b" or ",
    b" in ",
    b" is ",
    b"empty",
    b"==",
    b"!=",
    b" matches ",
    b"\\",
    b"0",
    b"-",
    b"\n",
    b"*",
    b"Service",
]


def run(data: bytes) -> None:
    """Compile and use the filter."""
    try:
        keep = compile_filter(data.decode("utf-8", "surrogateescape"), Row)
    except FilterError as error:
        assert str(error)
        return
    for row in ROWS:
        assert isinstance(keep(row), bool)
