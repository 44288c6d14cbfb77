"""Tables as declarations: what a row's keys are, by which indexes it is found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

Row = TypeVar("Row")
Key: TypeAlias = Any  # a str, or a tuple of str: comparable with the other keys of its table


@dataclass(frozen=True, slots=True)
class Index(Generic[Row]):
    """A secondary index: ``keys`` gives all values under which a row is found, none for a row that is not."""

    keys: Callable[[Row], tuple[Key, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Table(Generic[Row]):
    """A table of frozen rows. ``ordered`` tables keep their primary keys sorted and answer prefix scans."""

    name: str
    primary: Callable[[Row], Key]
    indexes: Mapping[str, Index[Row]] = field(default_factory=dict[str, Index[Row]])
    ordered: bool = False
