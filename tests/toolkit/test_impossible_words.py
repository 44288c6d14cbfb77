"""Words, variables and paths with a NUL, which no call of the system takes."""

from __future__ import annotations

import logging

import pytest

from pyconsul.toolkit import pid_file
from pyconsul.toolkit.child import run_command
from pyconsul.toolkit.errors import RunError
from pyconsul_template.config import TemplateConfig
from pyconsul_template.rendering import present
from pyconsul_template.template import read_source


@pytest.mark.parametrize(
    ("command", "environment", "text"),
    [
        (["true", "a\0b"], {}, r"^child: fork/exec /.*/true: invalid argument$"),
        (["true"], {"A": "a\0b"}, r"^child: exec: environment variable contains NUL$"),
    ],
)
async def test_no_child_is_started(command: list[str], environment: dict[str, str], text: str) -> None:
    """In Go's words."""
    with pytest.raises(RunError, match=text):
        await run_command(command, environment, 0, logging.getLogger("impossible"))


def test_no_file_is_opened() -> None:
    """Neither a template, nor its destination, nor the file for the process ID."""
    with pytest.raises(RunError, match=r"^failed to read template: open a\x00b: invalid argument$"):
        read_source(TemplateConfig(source="a\0b"))
    with pytest.raises(RunError, match=r"^failed reading file: open a\x00b: invalid argument$"):
        present("a\0b")
    with pytest.raises(RunError, match=r"could not open pid file: open a\x00b: invalid argument$"):
        pid_file.store("a\0b")
