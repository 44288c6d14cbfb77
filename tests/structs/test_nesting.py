"""Values that are only kept nest so deep that every codec takes them."""

import json
from typing import Any

import pytest

from pyconsul.lang.gojson_values import HugeNumber
from pyconsul.structs import gojson
from pyconsul.structs.acl_input import auth_method_from
from pyconsul.structs.config_entries.decode import EntryDecodeError, decode_entry
from pyconsul.structs.definitions import DefinitionError, service_definition_from
from pyconsul.structs.nesting import MAX_LEVELS, is_too_deep


def nested(levels: int) -> object:
    """So many lists and objects in turn."""
    value: object = 1
    for level in range(levels):
        value = [0, value] if level % 2 else {"a": value}
    return value


def test_levels_are_counted_without_recursion() -> None:
    """Of scalars, lists and objects."""
    assert not is_too_deep(1, 0)
    assert is_too_deep([], 0)
    two_levels: list[Any] = [[], {}]
    assert not is_too_deep(two_levels, 2)
    assert is_too_deep([1, {"a": [2]}], 2)
    assert not is_too_deep(nested(10_000), 10_000)
    assert is_too_deep(nested(10_001), 10_000)


@pytest.mark.parametrize("levels", [MAX_LEVELS, MAX_LEVELS + 1, 10_000])
def test_a_proxy_s_settings_are_kept_or_refused(levels: int) -> None:
    """Never half of both: what is stored can be shown."""
    proxy = {"DestinationServiceName": "b", "Config": {"x": nested(levels - 1)}}
    given = {"Name": "a", "Kind": "connect-proxy", "Port": 5, "Proxy": proxy}
    if levels <= MAX_LEVELS:
        assert service_definition_from(given).Name == "a"
        return
    with pytest.raises(DefinitionError, match=f"nested deeper than {MAX_LEVELS} levels"):
        service_definition_from(given)


def test_the_settings_of_an_auth_method_are_refused_too() -> None:
    """They go into the log like any other."""
    deep = json.dumps({"Name": "m", "Config": {"x": nested(MAX_LEVELS)}})
    with pytest.raises(ValueError, match=f"Config: .* nested deeper than {MAX_LEVELS} levels"):
        auth_method_from(deep.encode())


def test_a_number_that_no_float_holds_is_refused() -> None:
    """It would be shown as null."""
    proxy = {"DestinationServiceName": "b", "Config": {"x": [HugeNumber("1e400")]}}
    place = r"struct field \.Alias\.Proxy\.Alias\.Config"
    with pytest.raises(DefinitionError, match=f"cannot unmarshal number 1e400 into Go {place} of type float64"):
        service_definition_from({"Name": "a", "Kind": "connect-proxy", "Port": 5, "Proxy": proxy})
    with pytest.raises(EntryDecodeError, match="cannot unmarshal number 1e400 into Go value of type float64"):
        decode_entry({"Kind": "proxy-defaults", "Name": "global", "Config": {"x": HugeNumber("1e400")}})


def test_members_of_opaque_settings_stand_in_order_of_their_names() -> None:
    """Go prints its maps so."""
    config: dict[str, Any] = {"b": {"d": 1, "c": -2}, "a": []}
    proxy = {"DestinationServiceName": "b", "Config": config}
    read = service_definition_from({"Name": "a", "Kind": "connect-proxy", "Port": 5, "Proxy": proxy})
    assert b'{"a":[],"b":{"c":-2,"d":1}}' in gojson.encode(read.Proxy)


def test_a_config_entry_is_refused_too() -> None:
    """Config entries are stored and hashed as a whole."""
    entry = {"Kind": "proxy-defaults", "Name": "global", "Config": {"x": nested(9000)}}
    with pytest.raises(EntryDecodeError, match=f"nested deeper than {MAX_LEVELS} levels"):
        decode_entry(entry)
