"""YAML as go-yaml v2 reads and writes it: YAML 1.1 words, ints that stay ints, its styles."""

from __future__ import annotations

import base64
import functools
import io
import math
import re
from collections.abc import Iterator
from typing import Any

from yaml.emitter import Emitter
from yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.gofmt import sprintf
from pyconsul.lang.gotemplate.values import NIL, Known, Map, Struct, Uint64, Value, is_nil, type_of
from pyconsul.lang.strconv import (
    MAX_INT64,
    MAX_UINT64,
    MIN_INT64,
    NumberSyntaxError,
    byte_length,
    format_float,
    from_bytes,
    parse_float,
)
from pyconsul_template import gojson
from pyconsul_template.functions.digests import decode_base64
from pyconsul_template.gotime import Time
from pyconsul_template.yamlreader import PLAIN, first_document

_ANY_MAP = "map[interface {}]interface {}"
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")
_MAX_DEPTH = 500  # what Python's stack carries; go-yaml takes 10,000 levels, and says so when it refuses more
_MAX_NODES = 1_000_000  # what aliases stand for counted each time; go-yaml bounds their share among all instead


def parse(text: str) -> Value:
    """The value of the first document. Raises FunctionError."""
    if text.count("[") + text.count("{") > 10_000:  # before PyYAML recurses into them
        raise FunctionError("yaml: exceeded max depth of 10000")
    node, anchors = first_document(text)
    return None if node is None else _Builder(anchors).value(node, 0)


class _Builder:
    """Values out of nodes; aliases are shared, and what they may grow to is bounded."""

    def __init__(self, names: dict[int, str]) -> None:
        self.names = names
        self.count = 0
        self.open: set[int] = set()

    def value(self, node: Node, depth: int) -> Value:
        """The value of a node."""
        self.count += 1
        if self.count > _MAX_NODES:
            raise FunctionError("yaml: document contains excessive aliasing")
        if depth > _MAX_DEPTH:
            raise FunctionError("yaml: exceeded max depth of 10000")
        if isinstance(node, ScalarNode):
            return _scalar(node)
        if id(node) in self.open:
            raise FunctionError(f"yaml: anchor '{self.names.get(id(node), '')}' value contains itself")
        self.open.add(id(node))
        made = self.sequence(node, depth) if isinstance(node, SequenceNode) else self.mapping(node, depth)
        self.open.discard(id(node))
        return made

    def sequence(self, node: SequenceNode, depth: int) -> list[Any]:
        """A list."""
        return [self.value(item, depth + 1) for item in node.value]

    def mapping(self, node: Node, depth: int) -> Map:
        """A map: as in go-yaml, keys merged in (``<<``) replace those above them and give way to those below."""
        held: dict[Any, Any] = {}
        pairs: list[tuple[Node, Node]] = node.value if isinstance(node, MappingNode) else []
        for key_node, value_node in pairs:
            if isinstance(key_node, ScalarNode) and key_node.tag == PLAIN and key_node.value == "<<":
                for found in self.merged(value_node, depth):
                    held.update({_Key.of(k): v for k, v in found.items()})
                continue
            key = self.value(key_node, depth + 1)
            if isinstance(key, (list, dict)):
                raise FunctionError(f"yaml: invalid map key: {sprintf('%#v', [key])}")
            held[_Key.of(key)] = self.value(value_node, depth + 1)
        return Map(_ANY_MAP, {_Key.plain(k): v for k, v in held.items()})

    def merged(self, node: Node, depth: int) -> Iterator[Map]:
        """The mapping(s) named by ``<<``; the first of several comes last, so that it wins."""
        sources: list[Node] = node.value[::-1] if isinstance(node, SequenceNode) else [node]
        for source in sources:
            found = self.value(source, depth + 1) if isinstance(source, MappingNode) else None
            if not isinstance(found, Map):
                raise FunctionError("yaml: map merge requires map or sequence of maps as the value")
            yield found


class _Key:
    """Keys that Python would take for equal (1, 1.0, True) stay apart by the first that came."""

    @staticmethod
    def of(key: Any) -> Any:
        """The key to store under."""
        return (type(key).__name__, key) if isinstance(key, (bool, float)) else key

    @staticmethod
    def plain(key: tuple[str, Any] | str | float | None) -> Any:
        """The key itself."""
        return key[1] if isinstance(key, tuple) else key


_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (float, int), "bool": (bool,), "null": (type(None),)}
_CORE_TAG = "tag:yaml.org,2002:"


def _scalar(node: ScalarNode) -> Value:
    text = str(node.value)
    if node.tag == PLAIN:
        return resolve(text)
    kind = str(node.tag).removeprefix(_CORE_TAG)
    if kind == "binary":
        return _bytes_of(text)
    if kind == "timestamp" and _is_timestamp(text):
        return text
    if kind not in _KINDS and kind != "timestamp":
        return text
    value = resolve(text)
    if kind == "timestamp" or not isinstance(value, _KINDS[kind]) or (kind == "bool") != isinstance(value, bool):
        raise FunctionError(f"yaml: cannot decode !!{_tag_of(value)} `{text}` as a !!{kind}")
    return float(value) if kind == "float" else value


def _bytes_of(text: str) -> str:
    try:
        return from_bytes(decode_base64(text))
    except ValueError:
        raise FunctionError("yaml: !!binary value contains invalid base64 data") from None


def _tag_of(value: Value) -> str:
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "str")):
        if isinstance(value, kind):
            return name
    return "null"


def resolve(text: str) -> Value:
    """The value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-0123456789.":
        return text
    if text[0] == ".":
        return _pointed(text)
    plain = text.replace("_", "")
    for number in (_integer(plain), _other_bases(plain)):
        if number is not None:
            return number
    if _FLOAT.match(plain) and math.isfinite(number := float(plain)):
        return number
    return text


def _pointed(text: str) -> Value:
    """A number that begins with its point; only Go's float parser looks at it, for which digits stand around ``_``."""
    try:
        return parse_float(text)
    except NumberSyntaxError:
        return text


def _bounded(number: int) -> Value:
    if MIN_INT64 <= number <= MAX_INT64:
        return number
    return Uint64(number) if 0 < number <= MAX_UINT64 else None


def _integer(text: str) -> Value:
    sign, digits = (text[0], text[1:]) if text[:1] in "+-" else ("", text)
    base = 10
    if digits[:2] in ("0x", "0X"):
        base, digits = 16, digits[2:]
    elif len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        base, digits = 8, digits[1:]
    if not re.fullmatch({8: r"[0-7]+", 10: r"[0-9]+", 16: r"[0-9a-fA-F]+"}[base], digits) or len(digits) > 70:
        return None
    number = int(sign + digits, base)
    return None if sign and number > MAX_INT64 else _bounded(number)


def _other_bases(text: str) -> Value:
    found = re.fullmatch(r"([-+]?)0([bB][01]+|[oO][0-7]+)", text)
    return _bounded(int(found[1] + "0" + found[2], 0)) if found and len(text) < 70 else None


# -- writing -------------------------------------------------------------------------


_BINARY = "tag:yaml.org,2002:binary"
_BINARY_LINE = 70
"""Characters of base64 in a line; what is longer stands in a block of lines."""
_NEEDS_ESCAPES = re.compile("[\x85\ufeff\U00010000-\U0010ffff]")


class _Emitter(Emitter):
    """Tagged bytes stand without quotes, as libyaml writes them."""

    def analyze_scalar(self, scalar: str) -> Any:
        """What the text allows: line ends are more than Python's, and characters beyond 16 bits need double quotes."""
        found = super().analyze_scalar(scalar)
        found.multiline |= "\r" in scalar
        if _NEEDS_ESCAPES.search(scalar):
            found.allow_block_plain = found.allow_flow_plain = found.allow_single_quoted = found.allow_block = False
        return found

    def choose_scalar_style(self) -> Any:
        """Plain for bytes on one line, else as always."""
        event = self.event
        is_short = isinstance(event, ScalarEvent) and event.tag == _BINARY and "\n" not in event.value
        return "" if is_short else super().choose_scalar_style()

    def check_simple_key(self) -> bool:
        """Whether it may stand before a colon: also an empty text, on one line and of 128 bytes at most."""
        if not isinstance(self.event, ScalarEvent):
            return bool(super().check_simple_key())
        analysis = self.analysis = self.analysis or self.analyze_scalar(self.event.value)
        if self.event.tag is not None and self.prepared_tag is None:
            self.prepared_tag = self.prepare_tag(self.event.tag)
        length = byte_length(self.event.value) + len(self.prepared_tag or "")
        return length <= 128 and not analysis.multiline

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        """Long texts break at a blank, which the break then stands for."""
        self.write_indicator('"', True)
        after_blank = False
        for at, char in enumerate(text):
            if char == " " and split and not after_blank and self.column > self.best_width and 0 < at < len(text) - 1:
                self.write_indent()
                self._put("\\" if text[at + 1] == " " else "")
            else:
                self._put(_escaped(char))
            after_blank = char == " "
        self.write_indicator('"', False)

    def _put(self, text: str) -> None:
        self.stream.write(text)
        self.column += len(text)


def _escaped(char: str) -> str:
    """A character between double quotes."""
    is_printable = " " <= char <= "~" or "\xa0" <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd"
    if is_printable and char not in '"\\\u2028\u2029\ufeff':
        return char
    if char in Emitter.ESCAPE_REPLACEMENTS and char != "\ufeff":
        return f"\\{Emitter.ESCAPE_REPLACEMENTS[char]}"
    code = ord(char)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def dump(value: Value) -> str:
    """The value as YAML, without the newline at the end."""
    out: list[Event] = [StreamStartEvent(), DocumentStartEvent()]
    _events(out, value, 0)
    out += [DocumentEndEvent(), StreamEndEvent()]
    stream = io.StringIO()
    emitter = _Emitter(stream, allow_unicode=True, width=80)
    for event in out:
        emitter.emit(event)
    text = stream.getvalue().removesuffix("...\n").strip()
    return text.removeprefix("--- ") if isinstance(out[2], ScalarEvent) else text


def _scalar_event(text: str, style: str | None = None) -> ScalarEvent:
    return ScalarEvent(None, None, (True, True), text, style=style)


def _events(out: list[Event], value: Known, depth: int) -> None:
    """Append the events of one value."""
    if depth > _MAX_DEPTH:
        raise FunctionError("toYAML: exceeded max depth")
    if isinstance(value, Struct) and not hasattr(value, "go_string"):
        _mapping(out, [(f.name.lower(), getattr(value, f.name)) for f in value.fields], depth)
    elif isinstance(value, dict):
        _mapping(out, [(key, value[key]) for key in sorted(value, key=_place)], depth)
    elif isinstance(value, list):
        out.append(SequenceStartEvent(None, None, True, flow_style=not value))
        for item in value:
            _events(out, item, depth + 1)
        out.append(SequenceEndEvent())
    else:
        out.append(_scalar_of(value))


def _mapping(out: list[Event], pairs: list[tuple[Any, Any]], depth: int) -> None:
    out.append(MappingStartEvent(None, None, True, flow_style=not pairs))
    for key, held in pairs:
        _events(out, key, depth + 1)
        _events(out, held, depth + 1)
    out.append(MappingEndEvent())


def _scalar_of(value: Value) -> ScalarEvent:
    if value is None or value is NIL or is_nil(value):
        return _scalar_event("null")
    if isinstance(value, gojson.Number):
        return _scalar_of(value.value)
    if isinstance(value, str):
        return _text_event(value)
    if isinstance(value, bool):
        return _scalar_event("true" if value else "false")
    if isinstance(value, int) and type_of(value) != "time.Duration":
        return _scalar_event(str(int(value)))
    if isinstance(value, Time):
        return _scalar_event(value.json())
    own = getattr(value, "go_string", None)
    if own is not None:
        return _text_event(own())
    if isinstance(value, float):
        return _scalar_event(_float_text(value))
    raise FunctionError(f"cannot marshal type: {type_of(value)}")


def _float_text(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return format_float(value, "g")


def _text_event(text: str) -> ScalarEvent:
    """go-yaml: double quotes for what would read as something else, literal blocks for several lines."""
    if any(0xDC80 <= ord(c) <= 0xDCFF for c in text):
        data = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
        if len(data) < _BINARY_LINE:
            return ScalarEvent(None, _BINARY, (False, False), data)
        lines = "".join(f"{data[at : at + _BINARY_LINE]}\n" for at in range(0, len(data), _BINARY_LINE))
        return ScalarEvent(None, _BINARY, (False, False), lines, style="|")
    if "\n" in text:
        return _scalar_event(text, "|")
    if not text or not isinstance(resolve(text), str) or _BASE_60.match(text) or _is_timestamp(text):
        return _scalar_event(text, '"')
    return _scalar_event(text)


_TIMESTAMPS = (
    "2006-1-2T15:4:5.999999999Z07:00",
    "2006-1-2t15:4:5.999999999Z07:00",
    "2006-1-2 15:4:5.999999999",
    "2006-1-2",
)
"""The layouts of times that go-yaml knows."""


def _is_timestamp(text: str) -> bool:
    """Whether those who know times would read one."""
    return re.match("[0-9]{4}-", text) is not None and any(_is_time(layout, text) for layout in _TIMESTAMPS)


def _is_time(layout: str, text: str) -> bool:
    try:
        Time.parse(layout, text)
    except FunctionError:
        return False
    return True


def _place(key: Any) -> tuple[int, float, int, Any]:
    """go-yaml's order of keys: numbers and truth values by size, nothing, texts."""
    if isinstance(key, str):
        return 2, 0, 0, _TEXT_ORDER(key)
    if key is None or key is NIL:
        return 1, 0, 0, 0
    kind = (bool, int, float).index(type(key)) if type(key) in (bool, int, float) else 3
    return 0, float(key), kind, 0


def _compare_texts(a: str, b: str) -> int:
    """Below zero when ``a`` comes first: the first character that differs decides, or the length."""
    for at, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return -1 if _is_before(a, b, at) else 1
    return len(a) - len(b)


def _is_before(a: str, b: str, at: int) -> bool:
    """Letters come after other characters, runs of digits are ordered by number and then by length."""
    x, y = a[at], b[at]
    if x.isalpha() and y.isalpha():
        return x < y
    if x.isalpha() or y.isalpha():
        return y.isalpha()
    # A zero inside a number counts as much as the digits before it let it: 100 is more than 11, but 010 less than 02.
    before = "1" if "0" in (x, y) and _ends_number(a[:at]) else "0"
    run_a, run_b = _digits_at(a, at), _digits_at(b, at)
    number_a, number_b = int(before + run_a), int(before + run_b)
    if number_a != number_b:
        return number_a < number_b
    return (len(run_a), x) < (len(run_b), y)


def _digits_at(text: str, at: int) -> str:
    found = _DIGITS.match(text, at)
    return found[0][:_MAX_DIGITS] if found is not None else ""


def _ends_number(text: str) -> bool:
    """Whether digits stand at the end that are not all zeros."""
    return text[len(text.rstrip("0123456789")) :].strip("0") != ""


_DIGITS = re.compile("[0-9]*")
_MAX_DIGITS = 4000
"""Python reads no longer numbers."""
_TEXT_ORDER = functools.cmp_to_key(_compare_texts)
