"""Fixtures of the configuration tests: read a piece of configuration as a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyconsul.agent.command import given_flags
from pyconsul.cli.commands.agent import add_flags
from pyconsul.config import Loaded, load
from pyconsul.config.hostinterfaces import Host, InterfaceAddress
from pyconsul.config.sockaddr import expand_template
from pyconsul.lang.goflags import FlagSet


def interfaces() -> list[InterfaceAddress]:
    """A host with one private address."""
    return [
        InterfaceAddress("lo", "127.0.0.1", 8, frozenset({"up", "loopback"})),
        InterfaceAddress("eth0", "10.1.2.3", 24, frozenset({"up", "broadcast"}), is_default=True),
    ]


HOST = Host(expand=expand_template, hostname=lambda: "host-1", interfaces=interfaces)


class Reader:
    """Reads text as a configuration file of an agent whose data directory is set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "agent.hcl"

    def __call__(self, text: str, **flags: object) -> Loaded:
        """The configuration that the text gives."""
        self.path.write_text(text, encoding="utf-8")
        given: dict[str, object] = {"config-file": [str(self.path)], "bind": "127.0.0.1"}
        if "data_dir" not in text:
            given["data-dir"] = str(self.folder / "data")
        return load({**given, **{name.replace("_", "-"): value for name, value in flags.items()}}, {}, HOST)

    def shown(self, error: Exception) -> str:
        """The text of an error with the path of the file taken out."""
        return str(error).replace(str(self.path), "FILE")


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """A reader with a folder of its own."""
    return Reader(tmp_path)


@pytest.fixture
def command_line() -> Callable[[list[str]], dict[str, Any]]:
    """What a command line of the agent gives to ``load``."""

    def read_flags(arguments: list[str]) -> dict[str, Any]:
        flags = FlagSet("agent")
        add_flags(flags)
        return given_flags(flags.parse(arguments))

    return read_flags
