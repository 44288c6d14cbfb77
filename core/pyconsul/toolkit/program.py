"""How a tool begins and ends as a program."""

from __future__ import annotations

import sys
from collections.abc import Callable

from pyconsul.primitives import locale_variable
from pyconsul.primitives.child_signals import heed_signals
from pyconsul.primitives.standard_streams import OutputLost, ReaderGone, die_of, give_up, make_ready
from pyconsul.toolkit import collection
from pyconsul.toolkit.errors import EXIT_INTERRUPT

EXIT_LOST = 1  # what the tool had to say could not be written


def run(main: Callable[[], int], interrupted: int = EXIT_INTERRUPT) -> None:
    """The body of a console script: ``main``'s exit status ends the process; ``interrupted`` is that of SIGINT."""
    locale_variable.forget()
    make_ready()
    heed_signals()
    collection.hold()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(interrupted)
    except OutputLost as error:
        give_up()
        if isinstance(error, ReaderGone):
            die_of("SIGPIPE")
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_LOST)
    finally:
        collection.settle()
