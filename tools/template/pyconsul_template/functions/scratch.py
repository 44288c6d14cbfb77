"""The scratch pad: values a template keeps while it runs."""

from __future__ import annotations

from typing import Any

from pyconsul.lang.gotemplate import FunctionError, signature
from pyconsul.lang.gotemplate.values import ANY_LIST, Known, Slice, Struct, Value
from pyconsul.lang.strconv import quote
from pyconsul_template.execution import Execution
from pyconsul_template.functions.registry import function


class Scratch(Struct):
    """Named values and maps; all but reading prints nothing."""

    go_type = "template.Scratch"

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, Value] = {}


def _key(pad: Scratch, name: str) -> bool:
    return name in pad.values


def _get(pad: Scratch, name: str) -> Value:
    return pad.values.get(name)


def _set(pad: Scratch, name: str, value: Value) -> str:
    pad.values[name] = value
    return ""


def _set_new(pad: Scratch, name: str, value: Value) -> str:
    pad.values.setdefault(name, value)
    return ""


def _map(pad: Scratch, name: str) -> dict[str, Any]:
    held: Known = pad.values.setdefault(name, {})
    if type(held) is not dict:
        raise FunctionError(f"{quote(name)} is not a map")
    return held


def _map_set(pad: Scratch, name: str, key: str, value: Value) -> str:
    _map(pad, name)[key] = value
    return ""


def _map_set_new(pad: Scratch, name: str, key: str, value: Value) -> str:
    _map(pad, name).setdefault(key, value)
    return ""


def _map_values(pad: Scratch, name: str) -> Value:
    held: Known = pad.values.get(name)
    return [held[key] for key in sorted(held)] if type(held) is dict else Slice(ANY_LIST, is_nil=True)


Scratch.methods = {
    "Key": signature("string", _key),
    "Get": signature("string -> any", _get),
    "Set": signature("string, any", _set),
    "SetX": signature("string, any", _set_new),
    "MapSet": signature("string, string, any", _map_set),
    "MapSetX": signature("string, string, any", _map_set_new),
    "MapValues": signature("string", _map_values),
}


@function("scratch", "", context=True)
def scratch(run: Execution) -> Scratch:
    """This run's scratch pad."""
    if run.scratch is None:
        run.scratch = Scratch()
    return run.scratch
