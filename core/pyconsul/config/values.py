"""Typed reading of merged values, with faults collected as Consul's configuration builder does it."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any, cast

from pyconsul.config.decode import Raw
from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import DurationError, format_duration, parse_duration
from pyconsul.primitives.untyped import is_dict


class Values:
    """The merged sources. ``errors`` fills up while values are read."""

    def __init__(self, raw: Raw, errors: list[str] | None = None) -> None:
        self.raw = raw
        self.errors: list[str] = errors if errors is not None else []

    def get(self, name: str) -> Any:
        """The raw value of a dotted name; None if it is not set."""
        found: Any = self.raw
        for part in name.split("."):
            found = found.get(part) if is_dict(found) else None
        return found

    def text(self, name: str, default: str = "") -> str:
        """A text, empty if not set."""
        found = self.get(name)
        return default if found is None else cast(str, found)

    def flag(self, name: str, default: bool = False) -> bool:
        """A switch."""
        found = self.get(name)
        return default if found is None else cast(bool, found)

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number."""
        found = self.get(name)
        return default if found is None else cast(int, found)

    def number(self, name: str, default: float = 0.0) -> float:
        """A number."""
        found = self.get(name)
        return default if found is None else float(found)

    def rate(self, name: str, default: float = 0.0) -> float:
        """A rate a second; a negative one means without limit."""
        found = self.number(name, default)
        return inf if found < 0 else found

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        found = cast("list[str | None]", self.get(name) or [])
        return tuple(text or "" for text in found)

    def mapping(self, name: str) -> dict[str, str]:
        """A map of texts."""
        found = cast("Mapping[str, str | None]", self.get(name) or {})
        return {key: value or "" for key, value in found.items()}

    def objects(self, name: str) -> tuple[dict[str, object], ...]:
        """A list of free objects."""
        return tuple(cast("list[dict[str, object]]", self.get(name) or []))

    def object(self, name: str) -> dict[str, object]:
        """A free object."""
        return dict(cast("dict[str, object]", self.get(name) or {}))

    def duration(self, name: str, label: str = "", default: int = 0) -> int:
        """A duration in nanoseconds; ``label`` is the name in error texts where it differs."""
        found = self.get(name)
        return default if found is None else self.parse_duration(label or name, cast(str, found))

    def duration_min(self, name: str, default: int, least: int) -> int:
        """A duration that must not be shorter than ``least``."""
        found = self.duration(name, default=default)
        if found < least:
            shown = self.get(name)
            self.errors.append(f"{name}: duration '{shown}' cannot be less than: {format_duration(least)}")
        return found

    def is_duration(self, label: str, text: str) -> bool:
        """Whether a text is a duration; an error if not."""
        before = len(self.errors)
        self.parse_duration(label, text)
        return len(self.errors) == before

    def parse_duration(self, label: str, text: str) -> int:
        """The nanoseconds of a text; 0 and an error if it is no duration."""
        try:
            return parse_duration(text)
        except DurationError as error:
            self.errors.append(f"{label}: invalid duration: {quote(text)}: {error}")
            return 0

    def port(self, name: str) -> int:
        """A port; -1 where the door is off."""
        found = self.get(name)
        if found is None or found <= 0:
            return -1
        if found > 65535:
            self.errors.append(f"{name}: invalid port: {found}")
        return cast(int, found)
