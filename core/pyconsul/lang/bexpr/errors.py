"""The error of filter expressions."""

from __future__ import annotations


class FilterError(ValueError):
    """An expression that does not parse or does not fit the rows; its text is go-bexpr's."""
