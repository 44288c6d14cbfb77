"""Command lines as Go's ``flag`` package reads them.

Declare flags on a :class:`FlagSet`, call ``parse``, and read values from the :class:`Args` it returns::

    flags = FlagSet("kv get")
    flags.boolean("keys", "list only key names")
    flags.duration("wait", "how long to wait")
    args = flags.parse(["-keys", "-wait=5s", "a/b"])
    args.boolean("keys"), args.duration("wait"), args.rest   # True, 5_000_000_000, ["a/b"]

``FlagError`` carries Go's sentence; ``usage_text(flags)`` is the list that Go prints below it.
"""

from pyconsul.lang.goflags.errors import FlagError, HelpRequested
from pyconsul.lang.goflags.flagset import Args, Flag, FlagSet
from pyconsul.lang.goflags.usage import print_defaults, unquote_usage, usage_text
from pyconsul.lang.goflags.values import ValueRefused, to_bool, to_duration, to_float, to_int, to_pair, to_uint

__all__ = [
    "Args",
    "Flag",
    "FlagError",
    "FlagSet",
    "HelpRequested",
    "ValueRefused",
    "print_defaults",
    "to_bool",
    "to_duration",
    "to_float",
    "to_int",
    "to_pair",
    "to_uint",
    "unquote_usage",
    "usage_text",
]
