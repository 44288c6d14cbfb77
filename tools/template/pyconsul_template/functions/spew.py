"""Values in the layout of the spew library, for looking at data while writing a template."""

from __future__ import annotations

import re
from typing import Any

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.gofmt import sprintf, to_string
from pyconsul.lang.gotemplate.values import (
    ANY,
    NIL,
    Known,
    NilPointer,
    Struct,
    Value,
    element_type,
    is_nil,
    sorted_keys,
    type_of,
)
from pyconsul.lang.strconv import byte_length, quote, to_bytes
from pyconsul.primitives.standard_streams import say
from pyconsul_template import gojson
from pyconsul_template.functions.registry import function

_DEEPEST = 1000  # levels: each is indented by one more, so that 10,000 would be 100 MB


def _dump(value: Known, margin: str) -> str:
    if len(margin) > _DEEPEST:
        raise FunctionError(f"spew: nested deeper than {_DEEPEST} levels")
    if value is None or value is NIL:
        return "(interface {}) <nil>"
    kind = type_of(value)
    if isinstance(value, gojson.Number):
        return f"({kind}) (len={len(value)}) {value}"
    if isinstance(value, str):
        return f"({kind}) (len={byte_length(value)}) {quote(value)}" if value else f'({kind}) ""'
    if isinstance(value, NilPointer):
        return f"({kind})(<nil>)"
    if isinstance(value, Struct):
        return _dump_struct(value, margin)
    if isinstance(value, dict):
        return _dump_map(value, margin)
    if isinstance(value, list):
        return _dump_list(value, margin)
    return f"({kind}) {to_string(value)}"


def _dump_struct(value: Struct, margin: str) -> str:
    inner = margin + " "
    lines = [f"{inner}{f.name}: {_dump(getattr(value, f.name), inner)}" for f in value.fields]
    body = "{\n" + ",\n".join(lines) + f"\n{margin}}}" if lines else "{\n" + margin + "}"
    if not value.pointer:
        return f"({value.go_type}) {body}"
    return f"(*{value.go_type})(0x{0xC000000000 + (id(value) & 0xFFFFFFF):x})({body})"


def _dump_map(value: dict[Any, Any], margin: str) -> str:
    if is_nil(value):
        return f"({type_of(value)}) <nil>"
    inner = margin + " "
    lines = [f"{inner}{_dump(k, inner)}: {_dump(value[k], inner)}" for k in sorted_keys(value)]
    head = f"({type_of(value)}) " + (f"(len={len(value)}) " if value else "")
    return (
        head
        + "{\n"
        + "".join(line + ("," if n < len(lines) else "") + "\n" for n, line in enumerate(lines, 1))
        + margin
        + "}"
    )


def _dump_list(value: list[Any], margin: str) -> str:
    if is_nil(value):
        return f"({type_of(value)}) <nil>"
    inner = margin + " "
    lines = [inner + _dump(v, inner) for v in value]
    size = f"(len={len(value)} cap={len(value)}) " if value else ""
    return (
        f"({type_of(value)}) {size}{{\n"
        + "".join(line + ("," if n < len(lines) else "") + "\n" for n, line in enumerate(lines, 1))
        + margin
        + "}"
    )


def dump(values: tuple[Value, ...]) -> str:
    """Every value over several lines."""
    return "".join(_dump(v, "") + "\n" for v in values)


_DIRECTIVE = re.compile(r"%([-+# 0]*)(\d*(?:\.\d+)?)([a-zA-Z%])")


def _inline(value: Known, *, types: bool, known: bool = False) -> str:
    """A value on one line, on demand with its type in front, unless that is known from what holds it."""
    if value is None or value is NIL:
        return "(interface {})<nil>" if types and not known else "<nil>"
    kind = type_of(value)
    head = f"({kind})" if types and not known else ""
    if is_nil(value):
        return f"{head}<nil>"
    if isinstance(value, list):
        is_plain = element_type(value) != ANY
        return f"{head}[{' '.join([_inline(v, types=types, known=is_plain) for v in value])}]"
    if isinstance(value, dict):
        is_plain = element_type(value) != ANY
        pairs = [
            f"{_inline(k, types=types, known=not kind.startswith('map[interface'))}:"
            f"{_inline(value[k], types=types, known=is_plain)}"
            for k in sorted_keys(value)
        ]
        return f"{head}map[{' '.join(pairs)}]"
    if isinstance(value, Struct):
        mark = "<*>" if value.pointer and not types else ""
        parts = [f"{f.name + ':' if types else ''}{_inline(getattr(value, f.name), types=types)}" for f in value.fields]
        return f"{head}{mark}{{{' '.join(parts)}}}"
    return head + ("<*>" if kind.startswith("*") and not types else "") + to_string(value)


def _spew_form(form: str, values: tuple[Value, ...]) -> str:
    """``%#v`` shows types in front of values, ``%v`` follows pointers; all else is plain formatting."""
    rest = list(values)
    if "%" in _DIRECTIVE.sub("", form):
        return sprintf(form, values)

    def shown(found: re.Match[str]) -> str:
        if found[3] == "%":
            return "%"
        if not rest:
            return sprintf(found[0], [])
        value = rest.pop(0)
        if found[3] == "T":
            return "*spew.formatState"
        return _inline(value, types="#" in found[1]) if found[3] == "v" else sprintf(found[0], [value])

    text = _DIRECTIVE.sub(shown, form)
    # Every value reaches Go's formatter in a wrapper of spew, which is what the formatter names when one is left over.
    extra = ", ".join(f"*spew.formatState={_inline(value, types=False)}" for value in rest)
    return f"{text}%!(EXTRA {extra})" if rest else text


@function("spew_sdump", "...any")
def spew_sdump(*values: Value) -> str:
    """The values with types and lengths."""
    return dump(values)


@function("spew_sprintf", "string, ...any")
def spew_sprintf(form: str, *values: Value) -> str:
    """Formatted values; %#v shows types."""
    return _spew_form(form, values)


def _out(text: str) -> str:
    say(to_bytes(text))
    return ""


@function("spew_dump", "...any")
def spew_dump(*values: Value) -> str:
    """Print the values with types and lengths on standard output."""
    return _out(dump(values))


@function("spew_printf", "string, ...any")
def spew_printf(form: str, *values: Value) -> str:
    """Print formatted values on standard output."""
    return _out(_spew_form(form, values))
