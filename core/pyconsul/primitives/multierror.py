"""Several errors in one text, as Consul's multierror library prints them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["multi_error"]


def multi_error(errors: Sequence[str]) -> str:
    """How many there are, and a line for each; two line ends behind them."""
    count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    return f"{count} occurred:" + "".join(f"\n\t* {error}" for error in errors) + "\n\n"
