"""HIL texts: they come to something, or are an error with a place."""

from __future__ import annotations

from pyconsul.lang.hil import Function, HilError, Kind, Scope, evaluate, parse


def _match(number: int) -> str:
    return f"m{number}"


SCOPE = Scope(
    {"name.full": "geo-web", "agent.segment": ""},
    {"match": Function((Kind.INT,), Kind.STRING, _match)},
)
SEEDS = [
    b'a ${name.full} b ${match(1)}${match("2")}',
    b'${name.full == "x" ? "a${1 + 2 * -3}" : "$${b}"}',
    b"${!true && (1.5 / 2 >= 7 % 3) || false}",
]
TOKENS = [
    b"${",
    b"}",
    b'"',
    b"(",
    b")",
    b"[",
    b"]",
    b"?",
    b":",
    b"-",
    b"!",
    b"\\",
    b"$$",
    b"match(",
    b"name.full",
    b"1.",
    b"&&",
    b"\xc3\xb6",
    b"\n",
]


def run(data: bytes) -> None:
    """Parse and evaluate."""
    try:
        assert isinstance(evaluate(parse(data.decode("utf-8", "replace")), SCOPE), str)
    except HilError as error:
        assert str(error)
