"""How a tool begins and ends as a program."""

from __future__ import annotations

import sys
from collections.abc import Callable

from pyconsul.primitives import locale_variable
from pyconsul.toolkit import collection
from pyconsul.toolkit.errors import EXIT_INTERRUPT


def run(main: Callable[[], int]) -> None:
    """The body of a console script: ``main``'s exit status ends the process."""
    locale_variable.forget()
    collection.hold()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPT)
    finally:
        collection.settle()
