"""What dnspython's messages hold, of which it does not tell the types."""

from typing import Any


def rdata_of(section: list[Any]) -> list[Any]:
    """The data of all records in a section, in order."""
    return [data for rrset in section for data in rrset]
