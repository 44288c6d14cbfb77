"""Lists and maps: grouping, membership, merging, nesting, counting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pyconsul.lang import strconv
from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.gofmt import sprintf
from pyconsul.lang.gotemplate.values import NIL, Channel, Int64, Known, Map, Slice, Value, type_of
from pyconsul.lang.strconv import quote
from pyconsul_template.functions.registry import function

_ODD = re.compile(r"[^a-zA-Z0-9_-]")
_PAIRS = "[]*dependency.KeyPair"


@function("byKey", _PAIRS)
def by_key(pairs: Slice) -> Map:
    """Pairs grouped by the first part of their keys, under the rest."""
    inner_type = "map[string]*dependency.KeyPair"
    groups: dict[str, Map] = {}
    for pair in pairs:
        top, _, rest = pair.Key.partition("/")
        if rest:
            groups.setdefault(top, Map(inner_type))[rest] = pair.renamed(rest)
    return Map(f"map[string]{inner_type}", groups)


@function("byTag", "any")
def by_tag(items: Value) -> Map:
    """Services or instances grouped by tag."""
    known = (
        "[]*dependency.CatalogSnippet",
        "[]*dependency.HealthService",
        "[]*dependency.NomadServicesSnippet",
        "[]*dependency.NomadService",
    )
    groups: dict[str, list[Any]] = {}
    for item in _listed("byTag", items, known):
        for tag in item.Tags:
            groups.setdefault(tag, []).append(item)
    return Map("map[string][]interface {}", groups)


@function("byPort", "any")
def by_port(items: Value) -> Map:
    """Instances grouped by port."""
    groups: dict[int, list[Any]] = {}
    for item in _listed("byPort", items, ("[]*dependency.HealthService", "[]*dependency.NomadService")):
        groups.setdefault(item.Port, []).append(item)
    return Map("map[int][]interface {}", groups)


def _listed(name: str, items: Value, known: tuple[str, ...]) -> list[Any]:
    if items is None:
        return []
    if type_of(items) not in known:
        raise FunctionError(f"{name}: wrong argument type {type_of(items)}")
    return items


@function("byMeta", "string, []*dependency.HealthService")
def by_meta(names: str, instances: Slice) -> Map:
    """Instances grouped by the joined values of their service meta."""
    groups: dict[str, Slice] = {}
    for instance in instances:
        key = "_".join(_ODD.sub("_", _meta_part(instance.ServiceMeta, name)) for name in names.split(","))
        groups.setdefault(key, Slice("[]*dependency.HealthService")).append(instance)
    return Map("map[string][]*dependency.HealthService", groups)


def _meta_part(meta: Map, name: str) -> str:
    is_number = name.endswith("|int")
    real = name.removesuffix("|int")
    value = meta.get(real, "")
    if not is_number:
        return value or f"_no_{real}_"
    try:
        return _padded(strconv.parse_int(value or "0", func="Atoi"))
    except strconv.NumberSyntaxError as error:
        raise FunctionError(f"cannot parse {value} as number : {error}") from None


def _padded(number: int) -> str:
    return f"{number:05d}"


def is_in(container: Known, value: Value) -> bool:
    """Whether a list holds the value, or a text contains it; types must agree."""
    if isinstance(container, str):
        _typed(value)
        return isinstance(value, str) and value in container
    if not isinstance(container, list):
        return False
    if value is None and any(isinstance(v, str) for v in container):
        _typed(value)
    if isinstance(value, bool):
        return False
    for kind in (str, float, int):
        if isinstance(value, kind):
            return any(isinstance(v, kind) and not isinstance(v, bool) and v == value for v in container)
    return False


def _typed(value: Value) -> None:
    """Go looks at the type, which nil has not."""
    if value is None or value is NIL:
        raise FunctionError("reflect: call of reflect.Value.Type on zero Value")


@function("in", "any, any")
def in_(container: Value, value: Value) -> bool:
    """Whether the list or text contains the value."""
    return is_in(container, value)


@function("contains", "any, any")
def contains(value: Value, container: Value) -> bool:
    """Whether the list or text contains the value."""
    return is_in(container, value)


def _some(result: bool, invert: bool) -> Callable[[list[Any], Value], bool]:
    def check(wanted: list[Any], container: Value) -> bool:
        for value in wanted:
            if is_in(container, value) is not invert:
                return not result
        return result

    return check


function("containsAll", "[]any, any")(_some(True, True))
function("containsAny", "[]any, any")(_some(False, False))
function("containsNone", "[]any, any")(_some(True, False))
function("containsNotAll", "[]any, any")(_some(False, True))


def _put(into: dict[str, Any], key: str, value: Value, whole: str) -> None:
    """Store a value under a path of maps. Raises FunctionError when a leaf is in the way."""
    while "/" in key:
        top, _, rest = key.partition("/")
        inner: Known = into.setdefault(top, {})
        if type(inner) is not dict:
            said = sprintf("%q", [inner])
            raise FunctionError(f"not a map: {quote(whole)}: {quote(top)} already has value {said}")
        into, whole, key = inner, key, rest
    if key:
        into[key] = value


@function("explode", _PAIRS)
def explode(pairs: Slice) -> dict[str, Any]:
    """Pairs as nested maps."""
    out: dict[str, Any] = {}
    for pair in pairs:
        try:
            _put(out, pair.Key, pair.Value, pair.Key)
        except FunctionError as error:
            raise FunctionError(f"explode: {error}") from None
    return out


@function("explodeMap", "map[string]any")
def explode_map(flat: dict[str, Any]) -> dict[str, Any]:
    """A map whose keys are paths as nested maps."""
    out: dict[str, Any] = {}
    for key in sorted(flat):
        try:
            _put(out, key, flat[key], key)
        except FunctionError as error:
            raise FunctionError(f"explodeMap: {error}") from None
    return out


def merge_into(target: dict[Any, Any], source: dict[Any, Any], *, override: bool) -> None:
    """Deep merge in place, as the mergo library does: without ``override`` only what is empty changes."""
    stack: list[tuple[dict[Any, Known], dict[Any, Known]]] = [(target, source)]
    while stack:
        to, frm = stack.pop()
        for key, value in frm.items():
            held = to.get(key)
            if value is None:
                if override:
                    to[key] = None
            elif isinstance(held, dict) and isinstance(value, dict):
                stack.append((held, value))
            elif not held or override:
                to[key] = value


@function("mergeMap", "map[string]any, map[string]any, ...func(*mergo.Config)")
def merge_map(target: dict[str, Any], source: dict[str, Any], *_options: Value) -> dict[str, Any]:
    """Deep merge; what the first map holds stays."""
    merge_into(target, source, override=False)
    return target


@function("mergeMapWithOverride", "map[string]any, map[string]any")
def merge_map_with_override(target: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    """Deep merge; the second map wins."""
    merge_into(target, source, override=True)
    return target


def _bound(value: Value) -> int:
    if isinstance(value, str):
        if not value:
            return 0
        try:
            return strconv.parse_int(value)
        except strconv.NumberSyntaxError as error:
            raise FunctionError(f"parseInt: {error}") from None
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise FunctionError(f"loop: bad argument type: {type_of(value)}")


@function("loop", "...any")
def loop(*bounds: Value) -> Channel:
    """The integers from the first (or 0) up to but not including the last."""
    if len(bounds) not in (1, 2):
        raise FunctionError(f"loop: wrong number of arguments, expected 1 or 2, but got {len(bounds)}")
    start = _bound(bounds[0]) if len(bounds) == 2 else 0
    stop = _bound(bounds[-1])
    return Channel("<-chan int64", _numbers(start, stop))


def _numbers(start: int, stop: int) -> Iterator[Int64]:
    for number in range(start, stop):
        yield Int64(number)
