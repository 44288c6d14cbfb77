"""Maps of the sprig library."""

from __future__ import annotations

from typing import Any

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import ANY_MAP, NIL, Known, Map, Slice, Value, is_nil, strings, type_of
from pyconsul_template.functions.collections import merge_into
from pyconsul_template.functions.registry import function
from pyconsul_template.functions.sprig_text import text_of

_MAP = "map[string]any"


@function("sprig_dict", "...any")
def make_dict(*words: Value) -> dict[str, Any]:
    """A map of keys and values in turn; a last key without value gets an empty text."""
    values = [*words, ""] if len(words) % 2 else words
    return {text_of(values[n]): values[n + 1] for n in range(0, len(values), 2)}


@function("sprig_get", f"{_MAP}, string -> any")
def get(mapping: dict[str, Any], key: str) -> Value:
    """The entry, or an empty text."""
    return mapping.get(key, "")


@function("sprig_set", f"{_MAP}, string, any")
def put(mapping: dict[str, Any], key: str, value: Value) -> dict[str, Any]:
    """The same map with an entry set."""
    if is_nil(mapping):
        raise FunctionError("assignment to entry in nil map")
    mapping[key] = value
    return mapping


@function("sprig_unset", f"{_MAP}, string")
def unset(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    """The same map without an entry."""
    mapping.pop(key, None)
    return mapping


@function("sprig_hasKey", f"{_MAP}, string")
def has_key(mapping: dict[str, Any], key: str) -> bool:
    """Whether there is such an entry."""
    return key in mapping


@function("sprig_pluck", f"string, ...{_MAP}")
def pluck(key: str, *mappings: dict[str, Any]) -> list[Any]:
    """The entries of that key in all maps."""
    return [m[key] for m in mappings if key in m]


@function("sprig_keys", f"...{_MAP}")
def keys(*mappings: dict[str, Any]) -> Slice:
    """The keys of all maps, without order in Go, in order here."""
    return strings(key for m in mappings for key in sorted(m))


@function("sprig_values", _MAP)
def values(mapping: dict[str, Any]) -> list[Any]:
    """The values, without order in Go, in the order of the keys here."""
    return [mapping[key] for key in sorted(mapping)]


@function("sprig_pick", f"{_MAP}, ...string")
def pick(mapping: dict[str, Any], *names: str) -> dict[str, Any]:
    """Only the named entries."""
    return {name: mapping[name] for name in names if name in mapping}


@function("sprig_omit", f"{_MAP}, ...string")
def omit(mapping: dict[str, Any], *names: str) -> dict[str, Any]:
    """All but the named entries."""
    return {name: value for name, value in mapping.items() if name not in names}


def _merged(target: dict[str, Any], sources: tuple[dict[str, Any], ...], *, override: bool) -> Value:
    if is_nil(target) and not all(map(is_nil, sources)):
        target = {}
    for source in sources:
        merge_into(target, source, override=override)
    return target


@function("sprig_merge", f"{_MAP}, ...{_MAP} -> any")
def merge(target: dict[str, Any], *sources: dict[str, Any]) -> Value:
    """Deep merge into the first map, whose own values stay."""
    return _merged(target, sources, override=False)


@function("sprig_mergeOverwrite", f"{_MAP}, ...{_MAP} -> any")
def merge_overwrite(target: dict[str, Any], *sources: dict[str, Any]) -> Value:
    """Deep merge into the first map; later maps win."""
    return _merged(target, sources, override=True)


function("sprig_mustMerge", f"{_MAP}, ...{_MAP} -> any")(merge)
function("sprig_mustMergeOverwrite", f"{_MAP}, ...{_MAP} -> any")(merge_overwrite)


def _copied(value: Known, depth: int) -> Value:
    if depth > 500:
        raise FunctionError("deepCopy error: nested too deep")
    if isinstance(value, Slice):
        return Slice(value.go_type, [_copied(v, depth + 1) for v in value], is_nil=value.is_nil)
    if isinstance(value, list):
        return [_copied(v, depth + 1) for v in value]
    if isinstance(value, Map):
        return Map(value.go_type, {k: _copied(v, depth + 1) for k, v in value.items()}, is_nil=value.is_nil)
    if isinstance(value, dict):
        return {k: _copied(v, depth + 1) for k, v in value.items()}
    return value


@function("sprig_deepCopy", "any -> any")
def deep_copy(value: Value) -> Value:
    """A copy that shares nothing with the original."""
    if value is None:
        raise FunctionError("reflect: call of reflect.Value.Type on zero Value")
    return _copied(value, 0)


function("sprig_mustDeepCopy", "any -> any")(deep_copy)


def _no_conversion(value: Value, wanted: str) -> FunctionError:
    found = "nil" if value is None or value is NIL else type_of(value)
    return FunctionError(f"interface conversion: interface {{}} is {found}, not {wanted}")


@function("sprig_dig", "...any -> any")
def dig(*words: Value) -> Value:
    """The entry under a path of keys, or the default that stands before the map."""
    if len(words) < 3:
        raise FunctionError("dig needs at least three arguments")
    *path, fallback, mapping = words
    wrong = [key for key in path if not isinstance(key, str)]
    for key in path:
        if type_of(mapping) != ANY_MAP:
            raise _no_conversion(mapping, ANY_MAP)
        if wrong:
            raise _no_conversion(wrong[0], "string")
        if key not in mapping:
            return fallback
        mapping = mapping[key]
    return mapping
