"""The shapes of values that functions take apart."""

from __future__ import annotations

from typing import Any, TypeAlias

from pyconsul.lang.gotemplate.values import NilPointer, Stringer, Struct

Known: TypeAlias = list[Any] | dict[Any, Any] | Struct | Stringer | NilPointer | str | bytes | complex | None
"""What most values are: of these, but not of a Value, ``isinstance`` tells type checkers what is in a list or map."""
