"""Command lines, words parted by line ends: values of the declared types, or a FlagError with a text."""

from __future__ import annotations

from pyconsul.lang.goflags import FlagError, FlagSet, usage_text

SEEDS = [
    b"-keys\n-wait=5s\n--name\nx\na/b",
    b"-n=3\n-u\n7\n-f=1.5\n-keys=false\n-s=a\n-s=b\n-m=k=v\n--\n-rest",
    b"-help",
    b"--unknown=1",
]
TOKENS = [
    b"\n",
    b"-",
    b"--",
    b"=",
    b"-n\n",
    b"-f=",
    b"-wait\n",
    b"1e999",
    b"0x1_0",
    b"-9",
    b"true",
    b"\xff",
    b"\0",
    b"h",
]


def flags() -> FlagSet:
    """One flag of each kind."""
    found = FlagSet("fuzz")
    found.boolean("keys", "a switch")
    found.duration("wait", "a duration")
    found.string("name", "a text")
    found.integer("n", "a number")
    found.unsigned("u", "a number")
    found.number("f", "a number")
    found.strings("s", "texts")
    found.mapping("m", "pairs")
    return found


def run(data: bytes) -> None:
    """Read the words."""
    declared = flags()
    try:
        args = declared.parse(data.decode("utf-8", "surrogateescape").split("\n"))
    except FlagError as error:
        assert str(error) and usage_text(declared)
        return
    assert isinstance(args.boolean("keys"), bool) and isinstance(args.string("name"), str)
    assert isinstance(args.duration("wait"), int) and isinstance(args.integer("n"), int)
    assert isinstance(args.number("f"), float) and all("=" not in key for key in args.mapping("m"))
