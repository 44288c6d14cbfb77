"""Configuration files of the tools against a table of their keys, with the decoder messages of the originals.

A schema maps lower-case keys to a kind (a function that checks and converts one value) or to another
schema. Only keys that were set are in the result, so that results can be laid over one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pyconsul.lang.gotemplate.gofmt import to_string
from pyconsul.lang.hcl.decode import Blocks
from pyconsul.lang.strconv import NumberSyntaxError, parse_uint
from pyconsul.primitives.durations import DurationError, from_number, parse_duration
from pyconsul.toolkit import signals
from pyconsul.toolkit.errors import ConfigError

Settings: TypeAlias = dict[str, Any]
Kind: TypeAlias = Callable[[str, Any], Any]


class _Many:
    """A stanza that may stand several times."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema


class _Either:
    """A stanza that may also be written as one text."""

    def __init__(self, schema: Schema, read: Callable[[str], Settings]) -> None:
        self.schema = schema
        self.read = read


class Adding(list[Any]):
    """A list that is longer after ``merge``, where others are replaced."""


Schema: TypeAlias = "Mapping[str, Kind | Schema | _Many | _Either]"


def many(schema: Schema) -> _Many:
    """A repeatable stanza: a list of settings."""
    return _Many(schema)


def either(schema: Schema, read: Callable[[str], Settings]) -> _Either:
    """A stanza or a text; ``read`` turns the text into settings and raises ValueError."""
    return _Either(schema, read)


class KindError(ValueError):
    """A value does not fit its key; each argument is one line of the decoder's list."""


def _go_type(value: Any) -> str:
    if isinstance(value, Blocks):
        return "[]map[string]interface {}"
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float64"), (str, "string"), (list, "[]interface {}")):
        if isinstance(value, kind):
            return name
    return "map[string]interface {}" if isinstance(value, dict) else "<nil>"


def _mismatch(name: str, wanted: str, value: Any) -> KindError:
    shown = to_string(value)
    return KindError(f"'{name}' expected type '{wanted}', got unconvertible type '{_go_type(value)}', value: '{shown}'")


def unsettable(name: str, value: Any) -> Any:
    """A stanza that the originals list but cannot read from a file."""
    raise KindError(f"'{name}' expected a map, got '{'slice' if isinstance(value, list) else _go_type(value)}'")


def text(name: str, value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise _mismatch(name, "string", value)
    return value


def boolean(name: str, value: Any) -> bool:
    """A truth value."""
    if not isinstance(value, bool):
        raise _mismatch(name, "bool", value)
    return value


def integer(name: str, value: Any) -> int:
    """A whole number."""
    if isinstance(value, float):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _mismatch(name, "int", value)
    return value


def number(name: str, value: Any) -> float:
    """A number with fraction."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _mismatch(name, "float64", value)
    return float(value)


def duration(name: str, value: Any) -> int:
    """Nanoseconds, from a Go duration or a plain number of them."""
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except DurationError as error:
            raise KindError(f"error decoding '{name}': {error}") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _mismatch(name, "time.Duration", value)
    return from_number(value)


def signal_number(name: str, value: Any) -> int:
    """A signal's number by its name; empty means none."""
    if not isinstance(value, str):
        raise KindError(f"'{name}' expected type 'os.Signal', got '{_go_type(value)}'")
    try:
        return signals.parse(value) if value else 0
    except signals.UnknownSignal as error:
        raise KindError(f"error decoding '{name}': {error}") from None


def file_mode(name: str, value: Any) -> int:
    """A file mode, from an octal text or a number."""
    if isinstance(value, str):
        try:
            return parse_uint(value, 8, 12)
        except NumberSyntaxError as error:
            raise KindError(f"error decoding '{name}': {error}") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _mismatch(name, "fs.FileMode", value)
    if value < 0:
        raise KindError(f"cannot parse '{name}', {to_string(value)} overflows uint")
    return int(value)


def texts(name: str, value: Any) -> list[str]:
    """A list of strings; one text is cut at commas, as the originals do."""
    if isinstance(value, str):
        return value.split(",") if value else []
    if not isinstance(value, list):
        raise KindError(f"'{name}': source data must be an array or slice, got {_kind(value)}")
    items: list[Any] = value
    out: list[str] = []
    lines: list[str] = []
    for n, item in enumerate(items):
        try:
            out.append(text(f"{name}[{n}]", item))
        except KindError as error:
            lines += error.args
    if lines:
        raise KindError(*lines)
    return out


def adding_texts(name: str, value: Any) -> list[str]:
    """A list of strings that several files and flags write together."""
    return Adding(texts(name, value))


def _kind(value: Any) -> str:
    return "map" if isinstance(value, dict) else _go_type(value)


def decode(raw: Mapping[str, Any], schema: Schema) -> Settings:
    """The settings of a parsed file. Raises ConfigError that lists all mistakes."""
    problems: list[str] = []
    settings = _stanza("", raw, schema, problems)
    if problems:
        lines = "\n".join(f"* {problem}" for problem in sorted(problems))
        raise ConfigError(f"mapstructure decode failed: {len(problems)} error(s) decoding:\n\n{lines}")
    return settings


# The decoder names fields without a tag of their own as Go spells them.
_FIELDS = {
    ("", "once"): "Once",
    ("", "parseonly"): "ParseOnly",
    ("consul", "address"): "Address",
    ("consul", "token"): "Token",
    ("retry", "attempts"): "Attempts",
    ("retry", "backoff"): "Backoff",
    ("retry", "enabled"): "Enabled",
}


def _stanza(name: str, raw: Mapping[str, Any], schema: Schema, problems: list[str]) -> Settings:
    out: Settings = {}
    unknown: list[str] = []
    taken: set[str] = set()
    # A key in exactly the right letters wins over one that only differs in case.
    for key in sorted(raw, key=lambda k: k not in schema):
        low = key.lower()
        if low not in schema or low in taken:
            unknown.append(key)
            continue
        taken.add(low)
        if raw[key] is not None:
            shown = _FIELDS.get((name.rpartition(".")[2], low), low)
            value = raw[key]
            if key != low and isinstance(value, Blocks) and not callable(schema[low]):
                value = list(value)  # stanzas are known in lower case only
            _entry(f"{name}.{shown}" if name else shown, low, value, schema, out, problems)
    if unknown:
        problems.append(f"'{name}' has invalid keys: {', '.join(sorted(unknown))}")
    return out


def _entry(path: str, key: str, value: Any, schema: Schema, out: Settings, problems: list[str]) -> None:
    kind = schema[key]
    try:
        if isinstance(kind, _Many):
            if isinstance(value, (int, float)):
                raise KindError(f"'{path}': source data must be an array or slice, got {_go_type(value)}")
            if isinstance(value, str):
                value = value.split(",") if value else []
            stanzas: list[Any] = value if isinstance(value, list) else [value]
            out[key] = [_item(f"{path}[{n}]", item, kind.schema, problems) for n, item in enumerate(stanzas)]
        elif isinstance(kind, _Either):
            out[key] = (
                _written(path, value, kind) if isinstance(value, str) else _inner(path, value, kind.schema, problems)
            )
        elif callable(kind):
            out[key] = kind(path, value)
        else:
            out[key] = _inner(path, value, kind, problems)
    except KindError as error:
        problems += error.args


def _item(path: str, value: Any, schema: Schema, problems: list[str]) -> Settings:
    """One of several stanzas; what is wrong with it does not hide what is wrong with the others."""
    try:
        return _inner(path, value, schema, problems)
    except KindError as error:
        problems += error.args
        return {}


def _written(path: str, value: str, kind: _Either) -> Settings:
    try:
        return kind.read(value)
    except ValueError as error:
        raise KindError(f"error decoding '{path}': {error}") from None


def _inner(path: str, value: Any, schema: Schema, problems: list[str]) -> Settings:
    """One stanza; of several with the same name the last counts. A list that is written as one is no stanza."""
    if isinstance(value, list):
        if not isinstance(value, Blocks):
            raise KindError(f"'{path}' expected a map, got 'slice'")
        value = value[-1]
    if not isinstance(value, dict):
        raise KindError(f"'{path}' expected a map, got '{_go_type(value)}'")
    return _stanza(path, value, schema, problems)


def merge(base: Settings, over: Settings) -> Settings:
    """``over`` laid over ``base``: stanzas merge, lists of stanzas and ``Adding`` ones add up, all else is replaced."""
    out = dict(base)
    for key, value in over.items():
        held = out.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            out[key] = merge(held, value)
        elif isinstance(held, list) and isinstance(value, list) and _is_stanzas(held, value):
            out[key] = [*held, *value]
        elif isinstance(held, Adding) and isinstance(value, list):
            out[key] = Adding([*held, *value])
        else:
            out[key] = value
    return out


def _is_stanzas(*lists: list[Any]) -> bool:
    return any(isinstance(item, dict) for items in lists for item in items)
