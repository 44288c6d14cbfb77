"""Values into texts: JSON, YAML, TOML."""

from __future__ import annotations

from collections.abc import Callable

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import Value
from pyconsul_template import gojson
from pyconsul_template.functions.registry import function


def _named(name: str, convert: Callable[[], str]) -> str:
    try:
        return convert()
    except FunctionError as error:
        raise FunctionError(f"{name}: {error}") from None


@function("toJSON", "any")
def to_json(value: Value) -> str:
    """JSON on one line, safe inside HTML."""
    return _named("toJSON", lambda: gojson.dump(value))


@function("toJSONPretty", "any")
def to_json_pretty(value: Value) -> str:
    """JSON over several lines, safe inside HTML."""
    return _named("toJSONPretty", lambda: gojson.dump(value, indent="  "))


@function("toUnescapedJSON", "any")
def to_unescaped_json(value: Value) -> str:
    """JSON on one line."""
    return _named("toUnescapedJSON", lambda: gojson.dump(value, html=False))


@function("toUnescapedJSONPretty", "any")
def to_unescaped_json_pretty(value: Value) -> str:
    """JSON over several lines."""
    return _named("toUnescapedJSONPretty", lambda: gojson.dump(value, html=False, indent="  "))


@function("toYAML", "any")
def to_yaml(value: Value) -> str:
    """YAML without a newline at the end."""
    from pyconsul_template import goyaml

    return goyaml.dump(value)


@function("toTOML", "any")
def to_toml(value: Value) -> str:
    """TOML without a newline at the end."""
    if value is None:
        raise FunctionError("reflect: call of reflect.Value.Type on zero Value")
    from pyconsul_template import gotoml

    return _named("toTOML", lambda: gotoml.dump(value))
