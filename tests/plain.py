"""Plain values as decoders of JSON and msgpack give them."""

from typing import TypeAlias

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | float | None"

TIME_MARK = "\x01\0\0\0\x0e"  # how Go's binary form of a time begins in this century
NO_ZONE = b"\xff\xff".decode("utf-8", "surrogateescape")  # and how it ends in UTC


def without_zeros(plain: Plain) -> Plain:
    """A missing field is its zero value; nil and empty lists that JSON leaves out alike are not told apart in rows.

    Nor are times in UTC and in a zone that lies no minute away from it.
    """
    if isinstance(plain, str) and plain.startswith(TIME_MARK) and plain.endswith("\0\0"):
        return plain[:-2] + NO_ZONE
    if isinstance(plain, dict):
        return {k: without_zeros(v) for k, v in plain.items() if v not in ([], {}, None, "", 0)}
    if isinstance(plain, list):
        return [without_zeros(v) for v in plain]
    return plain
