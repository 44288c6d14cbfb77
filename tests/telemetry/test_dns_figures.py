"""The label ``type`` of the times of DNS questions."""

import pytest

from pyconsul.agent.dns.records import Type, type_name


@pytest.mark.parametrize(
    ("number", "name"),
    [
        *((1, "A"), (23, "NSAP-PTR"), (35, "NAPTR"), (48, "DNSKEY"), (52, "TLSA"), (64, "SVCB"), (65, "HTTPS")),
        *((99, "SPF"), (256, "URI"), (257, "CAA"), (32769, "DLV"), (0, "None"), (65535, "Reserved")),
        *((11, "TYPE11"), (65280, "TYPE65280")),
    ],
)
def test_record_types_have_their_registered_names(number: int, name: str) -> None:
    """Also those that this server has no records of; a number without a name is shown as such."""
    assert type_name(number) == name


@pytest.mark.parametrize("known", list(Type))
def test_types_that_the_server_knows_are_named_alike(known: Type) -> None:
    """The table of names agrees with them."""
    assert type_name(known) == known.name
