"""From flags, files and environment to a checked configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from pyconsul.config.build import build_runtime
from pyconsul.config.decode import Raw
from pyconsul.config.errors import ConfigError
from pyconsul.config.hostinterfaces import Host
from pyconsul.config.merge import merge
from pyconsul.config.runtime import RuntimeConfig
from pyconsul.config.sockaddr import expand_template
from pyconsul.config.sources import Flags, config_paths, read_sources
from pyconsul.config.validate import validate
from pyconsul.config.values import Values

__all__ = ["ConfigError", "Flags", "Loaded", "load"]

HOST = Host(expand=expand_template)
"""The machine that the program runs on."""


class Loaded(msgspec.Struct, frozen=True):
    """A configuration that an agent can start with.

    ``warnings`` are to be shown to the user. ``watched`` are the files and folders of the command line.
    """

    runtime: RuntimeConfig
    warnings: tuple[str, ...]
    watched: tuple[str, ...]


def load(flags: Flags, environ: Mapping[str, str] | None = None, host: Host = HOST) -> Loaded:
    """Read all sources, lay them over each other, build and check the configuration.

    ``flags`` maps names of flags (without dash) to text or typed values, repeatable ones to lists; the order of
    ``-config-file`` and ``-config-dir`` is kept if they are given together as ``config-paths``.
    Raises ConfigError with Consul's text.
    """
    sources, warnings = read_sources(flags)
    merged: Raw = {}
    for source in sources:
        warnings.extend(source.warnings)
        merged = merge(merged, source.values)
    values = Values(merged)
    surroundings = os.environ if environ is None else environ
    runtime = build_runtime(values, surroundings, host, warnings, dev_mode=bool(flags.get("dev")))
    validate(runtime, values, warnings)
    return Loaded(runtime, tuple(warnings), tuple(config_paths(flags)))
