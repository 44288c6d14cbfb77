"""The shape of a configuration file, built from the rows of ``keys.py``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

import msgspec

from pyconsul.config.keys import KEYS, Key, Kind

# Sections that a later source replaces as a whole instead of merging into them.
_REPLACED: Final = frozenset({"locality", "cloud", "dns_config.soa", "check", "service", "raft_boltdb"})

# Members that the table names only once: what they are and whether there are many.
_RECURSIVE: Final = {
    "checks": ("check", True),
    "services": ("service", True),
    "service.check": ("check", False),
    "service.checks": ("check", True),
    "service.connect.sidecar_service": ("service", False),
}


class Section(msgspec.Struct):
    """An object with known members. ``replaced``: a later source replaces it as a whole."""

    members: dict[str, Shape] = msgspec.field(default_factory=dict)
    aliases: dict[str, str] = msgspec.field(default_factory=dict)
    replaced: bool = False


class ListOf(msgspec.Struct):
    """A list of sections."""

    member: Section


class MapOf(msgspec.Struct):
    """A map of sections by free names."""

    member: Section


Shape = Section | ListOf | MapOf | Kind


@cache
def file_shape() -> Section:
    """The shape of a whole file."""
    root = Section()
    for key in KEYS:
        if key.name not in _RECURSIVE:
            _place(root, key)
    for name, (kind, many) in _RECURSIVE.items():
        *outer, last = name.split(".")
        definition = _section_at(root, [kind])
        _section_at(root, outer).members[last] = ListOf(definition) if many else definition
    for name in _REPLACED:
        _section_at(root, name.split(".")).replaced = True
    return root


def _section_at(root: Section, path: Iterable[str]) -> Section:
    section = root
    for part in path:
        section = _section(section.members[part])
    return section


def _section(shape: Shape) -> Section:
    if isinstance(shape, Section):
        return shape
    raise TypeError("not a section")


def _place(root: Section, key: Key) -> None:
    section = root
    # A free name belongs to the map before it: ``sink.{name}.type`` is ``sink{}.type``.
    parts = re.sub(r"\.\{\w+\}", "{}", key.name).split(".")
    for part in parts[:-1]:
        section = _descend(section, part)
    section.members[parts[-1]] = key.kind
    if key.alias:
        section.aliases[key.alias] = parts[-1]


def _descend(section: Section, part: str) -> Section:
    name = part.removesuffix("[]").removesuffix("{}")
    if name not in section.members:
        inner = Section()
        wrapped: Shape = inner
        if part.endswith("[]"):
            wrapped = ListOf(inner)
        elif part.endswith("{}"):
            wrapped = MapOf(inner)
        section.members[name] = wrapped
    found = section.members[name]
    if isinstance(found, (ListOf, MapOf)):
        return found.member
    return _section(found)
