"""``py-consul-template lint``: look for mistakes in templates without any server.

Reads each template, and executes it once against blank data: what fails for want of data is no mistake,
wrong syntax, unknown functions and wrong constant arguments are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TextIO

from pyconsul.lang.goflags import FlagError, FlagSet, HelpRequested
from pyconsul.lang.gotemplate import ExecError, FunctionError, ParseError, TemplateError
from pyconsul.toolkit.errors import EXIT_FLAGS, EXIT_OK, EXIT_RUN, ConfigError, RunError
from pyconsul_template.config import TemplateConfig, dialect_of, load
from pyconsul_template.execution import ABSENT, Execution
from pyconsul_template.template import Source, read_source

USAGE: Final = """\
Usage: consul-template lint [options] [SOURCE...]

  Checks templates without a server. Ends with 14 when something is wrong.

Options:

  -config=<path>
      Check the templates of this configuration; may be repeated.

  -default-left-delimiter=<string>, -default-right-delimiter=<string>
      Delimiters of the sources.
"""
# Mistakes whatever the data are; all else may be for want of data.
_CERTAIN: Final = ("wrong number of args", "expected string; found", "expected integer; found", "expected bool; found")


def run(argv: Sequence[str], say: Callable[[str], object], err: TextIO) -> int:
    """The sub-command. Returns the exit status."""
    flags = FlagSet("lint", brief=False)
    flags.strings("config")
    flags.string("default-left-delimiter")
    flags.string("default-right-delimiter")
    try:
        args = flags.parse(argv)
    except HelpRequested:
        say(USAGE)
        return EXIT_OK
    except FlagError as error:
        err.write(f"{error}\n")
        return EXIT_FLAGS
    left, right = args.string("default-left-delimiter"), args.string("default-right-delimiter")
    try:
        config = load(args.strings("config"), {}, os.environ)
    except ConfigError as error:
        err.write(f"{error}\n")
        return error.status
    given = [
        TemplateConfig(source=s, left_delimiter=left, right_delimiter=right, dialect=dialect_of(s)) for s in args.rest
    ]
    problems = [p for template in (*config.templates, *given) for p in check(template)]
    say("".join(f"{problem}\n" for problem in problems))
    checked = len(config.templates) + len(given)
    say(f"{checked} templates checked, {len(problems)} problems\n")
    return EXIT_RUN if problems else EXIT_OK


def check(config: TemplateConfig) -> Iterable[str]:
    """The mistakes of one template, each with the line it stands on."""
    try:
        source = Source(config, read_source(config))
    except RunError as error:
        yield f"{config.label}: {error}"
        return
    try:
        source.execute(Execution(lambda _dependency: ABSENT, {}, config.sandbox_path, config.destination))
    except (TemplateError, FunctionError) as error:
        certain = isinstance(error, ParseError) or any(text in str(error) for text in _CERTAIN)
        # A function that reports a mistake of its own got what the template gave it, data or not.
        if certain or (isinstance(error, ExecError) and error.function in ("key", "service", "tree", "ls", "nodes")):
            where = source.where()
            yield f"{config.label}: {source.explain(str(error))}" + (f"\n{where}" if where else "")
