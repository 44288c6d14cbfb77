"""Our structs against the recorded schema of Consul's: the same fields on the wire, each with the same zero value."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import pyconsul.structs
from pyconsul.structs import gomsgpack
from pyconsul.structs.wire import WireStruct

SCHEMA = Path(__file__).parents[3] / "shared/design/wire/schema.json"

# Where a struct leaves out what this version has no use for (Go reads a missing field as zero), or adds what is ours.
DIFFERENT = {
    "Coordinate": {"Coord", "Node", "Partition", "Segment", "Adjustment", "Error", "Height", "Vec"},  # serf's inner one
    "DatacentersRequest": {"Datacenter"},
    "OperatorUsageRequest": {"NodeMetaFilters", "PeerName", "Source"},
    "QueryFailoverOptions": {"SkipLocalDatacenter"},
    "ServiceQuery": {"IncludeAll"},
}
ZEROS: dict[str, Any] = {
    "string": "",
    "bool": False,
    "bytes": None,
    "duration_ns": 0,
    "time15": b"\x01" + bytes(12) + b"\xff\xff",
    "float64": 0.0,
}


def wire_structs() -> list[type[WireStruct]]:
    """All wire types, by name."""
    found: dict[str, type[WireStruct]] = {}
    for module_info in pkgutil.iter_modules(pyconsul.structs.__path__):
        module = importlib.import_module(f"pyconsul.structs.{module_info.name}")
        own = inspect.getmembers(module, lambda v: inspect.isclass(v) and issubclass(v, WireStruct))
        found |= {name: value for name, value in own if value.__module__ == module.__name__}
    return [found[name] for name in sorted(found)]


def recorded_fields(kind: type[WireStruct]) -> dict[str, str]:
    """Field names and types of Go's struct of that name; empty where there is none."""
    types = json.loads(SCHEMA.read_text())["types"]
    return types.get(f"structs.{kind.__name__}", {}).get("fields", {})


def zero_of(go_type: str) -> Any:
    """Go's zero value of a type of the schema, or NotImplemented for a struct."""
    base = go_type.split("<")[0].split(" ")[0]
    if base.startswith(("[]", "map", "*")) or base == "any":
        return None
    if base.startswith(("int", "uint")):
        return 0
    return ZEROS.get(base, NotImplemented)


@pytest.mark.parametrize("kind", wire_structs(), ids=lambda kind: kind.__name__)
def test_every_struct_goes_through_the_codec(kind: type[WireStruct]) -> None:
    """A struct of defaults is encoded and comes back."""
    assert gomsgpack.decode(gomsgpack.encode(kind()), kind) == kind()


@pytest.mark.skipif(not SCHEMA.exists(), reason="the recorded schema does not lie beside the repository")
def test_fields_are_those_of_consul() -> None:
    """No field of Go's struct is missing on the wire, and none is there that Go does not have."""
    wrong: dict[str, set[str]] = {}
    for kind in wire_structs():
        if recorded := recorded_fields(kind):
            wrong[kind.__name__] = recorded.keys() ^ gomsgpack.to_plain(kind()).keys()
    assert {name: fields for name, fields in wrong.items() if fields} == {
        name: fields for name, fields in DIFFERENT.items() if name in wrong
    }


@pytest.mark.skipif(not SCHEMA.exists(), reason="the recorded schema does not lie beside the repository")
def test_kinds_of_fields_are_those_of_consul() -> None:
    """What is read as nil is written as Go's zero of that field: a number is no text, a list no struct."""
    wrong: list[str] = []
    for kind in wire_structs():
        recorded = recorded_fields(kind)
        nils = gomsgpack.from_plain(dict.fromkeys(recorded), kind)
        for name, value in gomsgpack.to_plain(nils).items():
            zero = zero_of(recorded.get(name, ""))
            value = (value or None) if zero is None else value  # an empty list is as good as nil here
            if zero is not NotImplemented and (value != zero or type(value) is not type(zero)):
                wrong.append(f"{kind.__name__}.{name}: {recorded[name]} is {value!r}")
    assert wrong == []
