"""Tables as declarations: what a row's keys are, by which indexes it is found."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

Row = TypeVar("Row")
Key: TypeAlias = Any  # a str, or a tuple of str: comparable with the other keys of its table


class Index(msgspec.Struct, Generic[Row], frozen=True):
    """A secondary index: ``keys`` gives all values under which a row is found, none for a row that is not.

    An ``ordered`` one keeps its values sorted, so that rows can be read in their order.
    """

    keys: Callable[[Row], tuple[Key, ...]]
    ordered: bool = False


class Table(msgspec.Struct, Generic[Row], frozen=True, eq=False):
    """A table of frozen rows. ``ordered`` tables keep their primary keys sorted and answer prefix scans."""

    name: str
    primary: Callable[[Row], Key]
    indexes: Mapping[str, Index[Row]] = msgspec.field(default_factory=dict[str, Index[Row]])
    ordered: bool = False
