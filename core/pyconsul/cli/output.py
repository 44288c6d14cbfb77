"""The layouts of Consul's output: columns, tab stops, JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pyconsul.primitives.untyped import is_list, is_mapping


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows as a table with two spaces between columns, each as wide as its widest cell."""
    table = [[cell.strip() for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in _columns_of(table)]
    return "\n".join(_row(row, widths) for row in table)


def _row(row: list[str], widths: list[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
    return "  ".join([*cells, *row[-1:]])


def _columns_of(table: list[list[str]]) -> list[list[str]]:
    width = max(map(len, table), default=0)
    return [[row[i] for row in table if i < len(row)] for i in range(width)]


def tab_stops(text: str, padding: int = 6, minimum: int = 0) -> str:
    """Tabs in ``text`` become columns, by the elastic rule of Go's ``text/tabwriter``.

    A column is a run of neighbouring lines that have a tab-terminated cell in that place; what follows the
    last tab of a line belongs to no column. A last line that ends with its tab has nothing behind it to be aligned.
    """
    lines = [line.split("\t") for line in text.removesuffix("\t").split("\n")]
    out: list[str] = [""] * len(lines)
    _lay_out(lines, out, 0, len(lines), 0, padding, minimum)
    for i, line in enumerate(lines):
        out[i] += line[-1]
    return "\n".join(out)


def _lay_out(
    lines: list[list[str]], out: list[str], start: int, end: int, column: int, padding: int, minimum: int
) -> None:
    """Write column ``column`` and those right of it for the lines from ``start`` to ``end``."""
    at = start
    while at < end:
        if column >= len(lines[at]) - 1:
            at += 1
            continue
        stop = at
        while stop < end and column < len(lines[stop]) - 1:
            stop += 1
        width = max(minimum, *(len(line[column]) + padding for line in lines[at:stop]))
        for i in range(at, stop):
            out[i] += lines[i][column].ljust(width)
        _lay_out(lines, out, at, stop, column + 1, padding, minimum)
        at = stop


def json_text(value: Any, indent: str = "    ") -> str:
    """``value`` as Go's ``json.MarshalIndent`` prints it: ``<``, ``>`` and ``&`` escaped, maps as they stand."""
    from pyconsul.structs import gojson

    text = gojson.encode_pretty(value).decode()
    return text if indent == "    " else _indented(text, indent)


def _indented(text: str, indent: str) -> str:
    """Pretty JSON with another indentation; line breaks inside strings are escaped, so lines are safe to cut."""
    lines: list[str] = []
    for line in text.split("\n"):
        body = line.lstrip(" ")
        lines.append(indent * ((len(line) - len(body)) // 4) + body)
    return "\n".join(lines)


def sorted_maps(value: Any) -> Any:
    """``value`` with the keys of each map in order, as Go prints maps."""
    if is_mapping(value):
        return {key: sorted_maps(value[key]) for key in sorted(value)}
    if is_list(value):
        return [sorted_maps(item) for item in value]
    return value


def key_values(pairs: Mapping[str, str], between: str = ", ") -> str:
    """``a=1, b=2``, in the order of the names."""
    return between.join(f"{name}={pairs[name]}" for name in sorted(pairs))


def go_list(items: Iterable[str]) -> str:
    """A list of texts as Go's ``%v`` prints it: ``[a b]``."""
    return f"[{' '.join(items)}]"
