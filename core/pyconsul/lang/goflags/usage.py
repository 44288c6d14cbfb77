"""The list of flags that Go's ``flag`` package prints below an error."""

from __future__ import annotations

from pyconsul.lang.goflags.flagset import Flag, FlagSet


def unquote_usage(flag: Flag) -> tuple[str, str]:
    """The name of a flag's value and its description: the first word in back quotes names the value."""
    before, quoted, rest = flag.usage.partition("`")
    name, closing, after = rest.partition("`")
    if quoted and closing:
        return name, before + name + after
    return flag.kind, flag.usage


def print_defaults(flags: FlagSet) -> str:
    """Every flag with its description and its default, in alphabetical order."""
    return "".join(_one(flag) for flag in flags)


def usage_text(flags: FlagSet) -> str:
    """What Go prints below an error where a command has no usage text of its own."""
    heading = f"Usage of {flags.name}:\n" if flags.name else "Usage:\n"
    return heading + print_defaults(flags)


def _one(flag: Flag) -> str:
    name, usage = unquote_usage(flag)
    head = f"  -{flag.name}" + (f" {name}" if name else "")
    # A boolean flag of one letter keeps its description on its own line.
    gap = "\t" if len(head) <= 4 else "\n    \t"
    default = f" (default {flag.default_text})" if flag.default_text else ""
    return head + gap + usage.replace("\n", "\n    \t") + default + "\n"
