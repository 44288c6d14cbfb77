"""Go's ``fmt``: ``sprint``, ``sprintln`` and ``sprintf`` with its verbs, flags and error marks.

Values may nest 100,000 levels deep (``stack``). So what prints their members makes lists for ``join``, never
generators: those are resumed by C code, level upon level, until the C stack ends.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from pyconsul.lang.gotemplate.values import (
    ANY,
    NIL,
    Channel,
    Known,
    Map,
    NilPointer,
    Stringer,
    Struct,
    TypedInt,
    Value,
    element_type,
    is_nil,
    sorted_keys,
    type_of,
)
from pyconsul.lang.strconv import (
    MAX_UINT64,
    binary_float,
    can_backquote,
    format_float,
    hex_float,
    quote,
    quote_rune,
    to_bytes,
)

MAX_WIDTH = 1_000_000
_DIGITS = re.compile(r"[0-9]+")


class _Spec(msgspec.Struct):
    """Flags, width and precision of one directive."""

    plus: bool = False
    minus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    width: int | None = None
    precision: int | None = None
    plus_v: bool = False
    sharp_v: bool = False
    is_bad: bool = False  # a wrong verb: values show without their String methods

    def pad(self, text: str) -> str:
        """Fill up to the width; zeros only go to the left."""
        if self.width is None or len(text) >= self.width:
            return text
        if self.minus:
            return text.ljust(self.width)
        return text.rjust(self.width, "0" if self.zero else " ")


_PLAIN = _Spec()


def to_string(value: Value) -> str:
    """The value as ``%v`` prints it."""
    if type(value) is str:
        return value
    return str(_format(value, "v", _PLAIN, 0))


def shown(value: Value) -> str:
    """The value as a template shows it: of a pointer what it points to."""
    text = to_string(value)
    is_bare_pointer = isinstance(value, Struct) and not hasattr(value, "go_string")
    return text.removeprefix("&") if is_bare_pointer else text


def sprint(values: Sequence[Value]) -> str:
    """``fmt.Sprint``: a blank between two operands when neither is a string."""
    out: list[str] = []
    previous_is_text = True
    for index, value in enumerate(values):
        is_text = isinstance(value, str)
        if index and not is_text and not previous_is_text:
            out.append(" ")
        out.append(to_string(value))
        previous_is_text = is_text
    return "".join(out)


def sprintln(values: Sequence[Value]) -> str:
    """``fmt.Sprintln``: blanks between all operands, a newline at the end."""
    return " ".join(to_string(v) for v in values) + "\n"


def sprintf(form: str, values: Sequence[Value]) -> str:
    """``fmt.Sprintf``."""
    return _Printer(form, values).run()


class _Printer:
    """Walks over a format once."""

    def __init__(self, form: str, values: Sequence[Value]) -> None:
        self.form = form
        self.values = values
        self.at = 0
        self.index = 0
        self.reordered = False
        self.good_index = True
        self.after_index = False
        self.out: list[str] = []

    def run(self) -> str:
        """The formatted text."""
        form = self.form
        while self.at < len(form):
            start = form.find("%", self.at)
            if start < 0:
                self.out.append(form[self.at :])
                break
            self.out.append(form[self.at : start])
            self.at = start + 1
            self._directive()
        if not self.reordered and self.index < len(self.values):
            self._extra()
        return "".join(self.out)

    def _extra(self) -> None:
        parts = [
            "<nil>" if v is None or v is NIL else f"{type_of(v)}={to_string(v)}" for v in self.values[self.index :]
        ]
        self.out.append(f"%!(EXTRA {', '.join(parts)})")

    def _directive(self) -> None:
        spec = self._flags()
        self.good_index = True
        self.after_index = False
        self._argument_index()
        if self._peek() == "*":
            self.at += 1
            self._star_width(spec)
        else:
            spec.width = self._number()
            if self.after_index and spec.width is not None:
                self.good_index = False
        if self._peek() == ".":
            self.at += 1
            self._precision(spec)
        if not self.after_index:
            self._argument_index()
        if self.at >= len(self.form):
            self.out.append("%!(NOVERB)")
            return
        verb = self.form[self.at]
        self.at += 1
        self._verb(verb, spec)

    def _peek(self) -> str:
        return self.form[self.at : self.at + 1]

    def _flags(self) -> _Spec:
        spec = _Spec()
        while (flag := self._peek()) and flag in "#0+- ":
            spec.sharp |= flag == "#"
            spec.plus |= flag == "+"
            spec.minus |= flag == "-"
            spec.space |= flag == " "
            spec.zero |= flag == "0"
            self.at += 1
        if spec.minus:
            spec.zero = False
        return spec

    def _number(self) -> int | None:
        found = _DIGITS.match(self.form, self.at)
        if found is None:
            return None
        # Go looks at the number before each digit that it takes in, and gives a crazy one up with all that follows.
        significant = found[0].lstrip("0")
        if len(significant) > 8 or int(significant[:-1] or 0) > MAX_WIDTH:
            self.at = len(self.form)
            return None
        self.at = found.end()
        return int(found[0])

    def _argument_index(self) -> None:
        if self._peek() != "[":
            return
        self.reordered = True
        end = self.form.find("]", self.at)
        text = self.form[self.at + 1 : end] if end > 0 else ""
        if end < 0:
            self.good_index = False
            self.at += 1
            return
        self.at = end + 1
        if text.isdecimal() and 1 <= int(text) <= len(self.values):
            self.index = int(text) - 1
            self.after_index = True
        else:
            self.good_index = False

    def _star(self) -> int | None:
        if self.index >= len(self.values):
            return None
        value = self.values[self.index]
        self.index += 1
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_WIDTH:
            return value
        return None

    def _star_width(self, spec: _Spec) -> None:
        spec.width = self._star()
        if spec.width is None:
            self.out.append("%!(BADWIDTH)")
        elif spec.width < 0:
            spec.width, spec.minus, spec.zero = -spec.width, True, False
        self.after_index = False

    def _precision(self, spec: _Spec) -> None:
        if self.after_index:
            self.good_index = False
        self._argument_index()
        if self._peek() == "*":
            self.at += 1
            spec.precision = self._star()
            if spec.precision is not None and spec.precision < 0:
                spec.precision = None
            if spec.precision is None:
                self.out.append("%!(BADPREC)")
            self.after_index = False
        else:
            spec.precision = self._number() or 0

    def _verb(self, verb: str, spec: _Spec) -> None:
        if verb == "%":
            self.out.append("%")
        elif not self.good_index:
            self.out.append(f"%!{verb}(BADINDEX)")
        elif self.index >= len(self.values):
            self.out.append(f"%!{verb}(MISSING)")
        else:
            value = self.values[self.index]
            self.index += 1
            if verb in ("v", "w"):
                spec.sharp_v, spec.sharp = spec.sharp, False
                spec.plus_v, spec.plus = spec.plus, False
            self.out.append(_format(value, verb, spec, 0))


def _bad_verb(value: Value, verb: str, spec: _Spec) -> str:
    """The complaint about a verb; flags and width still count for the value in it."""
    if value is None or value is NIL:
        return f"%!{verb}(<nil>)"
    return f"%!{verb}({type_of(value)}={_format(value, 'v', msgspec.structs.replace(spec, is_bad=True), 0)})"


def _format(value: Value, verb: str, spec: _Spec, depth: int) -> str:
    if value is None or value is NIL:
        if verb == "T":
            return spec.pad("<nil>")
        return spec.pad("<nil>") if verb == "v" else _bad_verb(None, verb, spec)
    if verb == "T":
        return _text(type_of(value), "s", spec)
    own = getattr(value, "go_string", None)
    if own is not None and verb in "vsxXq" and not spec.sharp_v and not spec.is_bad:
        return _text(own(), verb, spec)
    if verb == "p" and not isinstance(value, (str, int, float)):
        return spec.pad(f"0x{id(value):x}")
    if verb == "w":
        return _bad_verb(value, verb, spec)
    if isinstance(value, str):
        return _text(value, verb, spec)
    if isinstance(value, bool):
        return spec.pad("true" if value else "false") if verb in "tv" else _bad_verb(value, verb, spec)
    if isinstance(value, int):
        return _integer(value, verb, spec)
    if isinstance(value, float):
        return _float(value, verb, spec)
    if isinstance(value, complex):
        return _complex(value, verb, spec)
    return _composite(value, verb, spec, depth)


# -- texts ------------------------------------------------------------------------


def _text(text: str, verb: str, spec: _Spec) -> str:
    cut = text if spec.precision is None else text[: spec.precision]
    if verb == "v" and spec.sharp_v:
        return spec.pad(quote(cut))
    if verb in "vs":
        return spec.pad(cut)
    if verb == "q":
        if spec.sharp and can_backquote(cut):
            return spec.pad(f"`{cut}`")
        return spec.pad(quote(cut, ascii_only=spec.plus))
    if verb in "xX":
        return _hex(to_bytes(text), verb, spec)
    return _bad_verb(text, verb, spec)


def _hex(data: bytes, verb: str, spec: _Spec) -> str:
    if spec.precision is not None:
        data = data[: spec.precision]
    digits = [f"{b:02x}" if verb == "x" else f"{b:02X}" for b in data]
    prefix = ("0" + verb) if spec.sharp else ""
    if spec.space:
        return spec.pad(" ".join(prefix + d for d in digits))
    return spec.pad(prefix + "".join(digits) if digits else "")


# -- numbers ------------------------------------------------------------------------

_BASES = {"d": "d", "v": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}


def _integer(value: int, verb: str, spec: _Spec) -> str:
    number = int(value)
    if verb in _BASES:
        unsigned = isinstance(value, TypedInt) and value.unsigned
        if verb == "v" and spec.sharp_v and unsigned:
            return _digits(number, "x", "0x", spec)
        prefix = {"b": "0b", "o": "0", "O": "0o0", "x": "0x", "X": "0X"}.get(verb, "") if spec.sharp else ""
        if verb == "O" and not spec.sharp:
            prefix = "0o"
        return _digits(number, _BASES[verb], prefix, spec)
    if verb == "c":
        return spec.pad(chr(number) if 0 <= number <= 0x10FFFF and not 0xD800 <= number < 0xE000 else "\ufffd")
    if verb == "q":
        return spec.pad(quote_rune(number, ascii_only=spec.plus))
    if verb == "U":
        text = f"U+{number & MAX_UINT64:0{max(spec.precision or 0, 4)}X}"
        if spec.sharp and 0 <= number <= 0x10FFFF and chr(number).isprintable():
            text += f" '{chr(number)}'"
        return msgspec.structs.replace(spec, zero=False).pad(text)
    return _bad_verb(value, verb, spec)


def _digits(number: int, form: str, prefix: str, spec: _Spec) -> str:
    digits = format(abs(number), form)
    sign = "-" if number < 0 else "+" if spec.plus else " " if spec.space else ""
    if spec.precision is not None:
        if spec.precision == 0 and number == 0:
            return " " * (spec.width or 0)
        digits = digits.rjust(spec.precision, "0")
    elif spec.zero and spec.width is not None:
        digits = digits.rjust(spec.width - len(sign), "0")
    if digits.startswith("0"):  # one zero says octal, too
        prefix = {"0": "", "0o0": "0o"}.get(prefix, prefix)
    padded = sign + prefix + digits
    if spec.width is None or len(padded) >= spec.width:
        return padded
    return padded.ljust(spec.width) if spec.minus else padded.rjust(spec.width)


_FLOAT_FORMS = {"v": "g", "g": "g", "G": "g", "e": "e", "E": "e", "f": "f", "F": "f"}


def _float(value: float, verb: str, spec: _Spec) -> str:
    precision = spec.precision
    if verb in _FLOAT_FORMS:
        form = _FLOAT_FORMS[verb]
        text = format_float(value, form, precision if precision is not None else -1 if form == "g" else 6)
    elif verb in "xX":
        text = hex_float(value, -1 if precision is None else precision)
    elif verb == "b":
        text = binary_float(value)
    else:
        return _bad_verb(value, verb, spec)
    if verb in "EGX" and math.isfinite(value):
        text = text.upper()
    if spec.sharp and verb != "b" and math.isfinite(value):
        text = _with_point(text, 0 if verb in "eEfFX" else 6 if precision is None else precision)
    return _signed(text, value, spec)


def _with_point(text: str, digits: int) -> str:
    """The ``#`` flag: always a point, and zeros up to so many significant digits."""
    found = re.match(r"([-+]?)(0[xX][0-9a-fA-F.]*|[0-9.]*)(.*)", text)
    assert found is not None
    sign, number, exponent = found.groups()
    significant = number.replace(".", "").lstrip("0")
    missing = digits - max(len(significant), number == "0")
    return sign + number + ("" if "." in number else ".") + "0" * missing + exponent


def _signed(text: str, value: float, spec: _Spec) -> str:
    finite = math.isfinite(value)
    negative = text[0] == "-"
    body = text.lstrip("+-")
    sign = "-" if negative else "+" if spec.plus or (text[0] == "+" and finite) else " " if spec.space else ""
    if not finite and not negative and not math.isnan(value):  # of an infinity the plus shows without the flag, too
        sign = " " if spec.space and not spec.plus else "+"
    if spec.zero and spec.width is not None and finite:
        return sign + body.rjust(spec.width - len(sign), "0")
    whole = sign + body
    if spec.width is None:
        return whole
    return whole.ljust(spec.width) if spec.minus else whole.rjust(spec.width)


def _complex(value: complex, verb: str, spec: _Spec) -> str:
    if verb not in "vbgGxXeEfF":
        return _bad_verb(value, verb, spec)
    return f"({_float(value.real, verb, spec)}{_float(value.imag, verb, msgspec.structs.replace(spec, plus=True))}i)"


# -- everything that holds other values ------------------------------------------------


def _composite(value: Known, verb: str, spec: _Spec, depth: int) -> str:
    if isinstance(value, bytes):
        return _bytes(value, verb, spec)
    if isinstance(value, Stringer):
        return (spec.sharp_v and value.go_syntax()) or _format(value.bare(), verb, spec, depth)
    if isinstance(value, NilPointer):
        if verb == "v":
            return spec.pad(f"({value.go_type})(nil)" if spec.sharp_v else "<nil>")
        return f"%!{verb}({value.go_type}=<nil>)"
    if isinstance(value, Struct):
        return _struct(value, verb, spec, depth)
    if isinstance(value, dict):
        return _map(value, verb, spec, depth)
    if isinstance(value, list):
        return _slice(value, verb, spec, depth)
    if isinstance(value, Channel) or hasattr(value, "params"):
        if verb not in "vpbodxX":
            return f"%!{verb}({type_of(value)}=0x{id(value):x})"
        address = f"0x{id(value):x}"
        return spec.pad(f"({type_of(value)})({address})" if spec.sharp_v else address)
    return spec.pad(str(value))


def _bytes(value: bytes, verb: str, spec: _Spec) -> str:
    if verb in "sqxX":
        return _text(value.decode("utf-8", "surrogateescape"), verb, spec)
    if spec.sharp_v:
        return "[]byte{" + ", ".join(f"0x{b:x}" for b in value) + "}"
    return "[" + " ".join(_integer(b, verb, spec) for b in value) + "]"


def _nested(value: Value, verb: str, spec: _Spec, depth: int, static: str = ANY) -> str:
    """One element; an interface's nil shows differently with %#v, and is never filled up."""
    if value is None or value is NIL:
        return f"{static}(nil)" if spec.sharp_v else "<nil>"
    return _format(value, verb, spec, depth + 1)


def _slice(value: list[Any], verb: str, spec: _Spec, depth: int) -> str:
    if spec.sharp_v:
        if is_nil(value):
            return f"{type_of(value)}(nil)"
        items = ", ".join([_nested(v, verb, spec, depth, element_type(value)) for v in value])
        return f"{type_of(value)}{{{items}}}"
    return "[" + " ".join([_nested(v, verb, spec, depth) for v in value]) + "]"


def _map(value: dict[Any, Any], verb: str, spec: _Spec, depth: int) -> str:
    if spec.sharp_v and isinstance(value, Map) and value.is_nil:
        return f"{value.go_type}(nil)"
    static = element_type(value) if spec.sharp_v else ANY
    pairs = [
        f"{_nested(k, verb, spec, depth)}:{_nested(value[k], verb, spec, depth, static)}" for k in sorted_keys(value)
    ]
    return f"{type_of(value)}{{{', '.join(pairs)}}}" if spec.sharp_v else f"map[{' '.join(pairs)}]"


def _struct(value: Struct, verb: str, spec: _Spec, depth: int) -> str:
    if value.pointer and depth > 0:
        return _address(value, verb, spec)
    named = spec.plus_v or spec.sharp_v
    parts = [
        (f"{f.name}:" if named else "") + _nested(getattr(value, f.name), verb, spec, depth, f.type)
        for f in value.fields
    ]
    head = "&" if value.pointer else ""
    if spec.sharp_v:
        return f"{head}{value.go_type}{{{', '.join(parts)}}}"
    return head + "{" + " ".join(parts) + "}"


def _address(value: Struct, verb: str, spec: _Spec) -> str:
    """A pointer inside of another value: a number, which verbs of texts cannot show."""
    number = 0xC000000000 + (id(value) & 0xFFFFFFF)  # as if it lay on Go's heap, which begins there
    if verb == "v":
        return spec.pad(f"(*{value.go_type})(0x{number:x})" if spec.sharp_v else f"0x{number:x}")
    return _integer(number, verb, spec) if verb in "bodxX" else _bad_verb(value, verb, spec)
