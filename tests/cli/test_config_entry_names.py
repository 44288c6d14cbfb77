"""What messages of ``consul config`` call an entry."""

import pytest

from pyconsul.cli.config_entries import entry_name


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ({"Kind": "service-defaults", "Name": "web"}, "service-defaults/web"),
        ({"Kind": "service-defaults"}, "service-defaults/"),
        ({"Kind": "mesh", "Name": "other"}, "mesh/mesh"),
        ({"Kind": "proxy-defaults", "Name": "local"}, "proxy-defaults/global"),
    ],
)
def test_kinds_of_one_entry_have_one_name(entry: dict[str, str], name: str) -> None:
    """As Consul's client has it, even when the server is about to refuse the name."""
    assert entry_name(entry) == name
