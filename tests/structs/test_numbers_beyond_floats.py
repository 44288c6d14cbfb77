"""Numbers in untyped JSON that no float holds: refused with Go's text wherever opaque settings may stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyconsul.structs import godecode
from pyconsul.structs.acl_input import auth_method_from
from pyconsul.structs.config_entries.decode import decode_entry
from pyconsul.structs.definitions import service_definition_from
from pyconsul.structs.session import Session
from pyconsul.structs.txn import ApiTxnOp

DOORS: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    '{"Name": "x", "Config": {"a": %s}}': ("struct field .Alias.Config", auth_method_from),
    '{"Proxy": {"Config": {"a": [%s]}}}': (
        "struct field .Alias.Proxy.Alias.Config",
        lambda body: service_definition_from(godecode.parse(body)),
    ),
    '{"Kind": "proxy-defaults", "Config": {"a": %s}}': ("value", lambda body: decode_entry(godecode.parse(body))),
    '[{"Service": {"Service": {"Proxy": {"Config": {"a": %s}}}}}]': (
        "struct field AgentServiceConnectProxyConfig.Service.Service.Proxy.Config",
        lambda body: godecode.into_list(godecode.parse(body), ApiTxnOp, "api.TxnOps"),
    ),
}


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 400, "-" + "1" * 400])
@pytest.mark.parametrize("body", DOORS)
def test_a_number_beyond_floats_is_refused_in_gos_words(body: str, number: str) -> None:
    """Written with an exponent or with all its digits, it is named in full."""
    place, read = DOORS[body]
    with pytest.raises(ValueError) as refused:
        read((body % number).encode())
    assert str(refused.value) == f"json: cannot unmarshal number {number} into Go {place} of type float64"


@pytest.mark.parametrize("number", [1 << 64, 1 << 1000, int(1.7e308)])
def test_a_large_whole_number_is_kept_as_a_float(number: int) -> None:
    """As long as a float holds it, what is stored is the nearest one."""
    method = auth_method_from(b'{"Name": "x", "Config": {"a": %d}}' % number)
    assert method.Config == {"a": float(number)}


def test_it_is_found_however_deep_it_stands() -> None:
    """Untyped members are looked through without recursion, down to the depth that Go reads."""
    body = b'{"LockDelay": ' + b"[" * 9000 + b"1e400" + b"]" * 9000 + b"}"
    with pytest.raises(godecode.DecodeError, match=r"number 1e400 into Go struct field \.LockDelay of type float64"):
        godecode.into(godecode.parse(body), Session)
