"""Finding the command, help, versions, exit codes and suggestions: what all commands share."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul import CONSUL_VERSION
from pyconsul.cli import commands
from pyconsul.cli.command import flags_of, load
from pyconsul.cli.main import CommandLine
from pyconsul.cli.registry import COMMANDS, GROUP, LATER, children, longest_command
from tests.cli.conftest import Run

BUILT = sorted(name for name, row in COMMANDS.items() if row.module not in (GROUP, LATER))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str, run: Run) -> None:
    """``-h`` prints a usage line with the command's name and exits with 0."""
    result = run(*name.split(), "-h")
    assert result.code == 0
    assert result.out.startswith(f"Usage: consul {name}")
    assert result.err == ""


@pytest.mark.parametrize("name", [n for n in BUILT if n != "snapshot agent"])
def test_every_built_command_refuses_an_unknown_flag(name: str, run: Run) -> None:
    """An unknown flag is named in Go's sentence, the known ones are listed; exit code 1, or 2 where 1 is an answer."""
    result = run(*name.split(), "-zzz")
    assert result.code == (2 if name in ("intention check", "intention match") else 1)
    assert result.err.startswith("flag provided but not defined: -zzz\nUsage:\n")
    assert result.out == ""


@pytest.mark.parametrize("name", sorted(n for n, row in COMMANDS.items() if row.module == LATER))
def test_a_command_to_come_says_so_and_fails(name: str, run: Run) -> None:
    """What is not built names itself and exits with 1, whatever flags it gets."""
    result = run(*name.split(), "-some=flag", "argument")
    assert result.code == 1
    assert result.err == f'"{name}" is not available yet in this version of py-consul\n'


@pytest.mark.parametrize("name", BUILT)
def test_every_flag_is_described(name: str) -> None:
    """Each flag of each command has a description for help and for the reference."""
    command = load(name)
    assert command is not None
    assert [flag.name for flag in flags_of(command) if not flag.usage] == []
    assert command.HELP.strip()


def test_no_command_prints_the_overview_and_fails(run: Run) -> None:
    """Without a command, or with an unknown one, the overview goes to standard error and the code is 127."""
    for words in ([], ["bogus"], ["help"], [""]):
        result = run(*words)
        assert (result.code, result.out) == (127, "")
        assert result.err.startswith(
            "Usage: consul [--version] [--help] <command> [<args>]\n\nAvailable commands are:\n"
        )


def test_a_mistyped_command_gets_a_suggestion(run: Run) -> None:
    """The closest names are offered, at the top and in a group."""
    assert 'Did you mean "consul members"?' in run("membres").err
    assert 'Did you mean "consul kv delete"?' in run("kv", "delet").err
    assert "Did you mean" not in run("xyzzy").err


def test_a_group_alone_lists_its_commands(run: Run) -> None:
    """A group prints its help to standard error and fails."""
    result = run("kv")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Usage: consul kv <subcommand>")
    assert "Subcommands:\n    delete    " in result.err


def test_flags_before_the_command_are_refused(run: Run) -> None:
    """Flags belong behind the command."""
    result = run("-http-addr=x", "kv", "get")
    assert result.code == 1
    assert result.err.startswith("Invalid flags before the subcommand.")


@pytest.mark.parametrize("words", [["version"], ["--version"], ["-v"], ["-version", "kv"], ["version", "extra"]])
def test_the_version_is_consuls(words: list[str], run: Run) -> None:
    """The first line names the release whose behaviour this is."""
    result = run(*words)
    assert result.code == 0
    assert result.out.splitlines()[0] == f"Consul v{CONSUL_VERSION}"


def test_the_version_as_json_has_consuls_fields(run: Run) -> None:
    """The JSON form has Consul's fields in their order."""
    about = json.loads(run("version", "-format=json").out)
    assert list(about) == ["Version", "Revision", "Prerelease", "BuildDate", "RPC"]
    assert about["RPC"] == {"Default": 2, "Min": 2, "Max": 3}
    assert run("version", "-format=xml").err == "Unknown format: xml\n"


def test_help_in_the_arguments_counts_until_two_dashes() -> None:
    """``-h`` asks for help wherever it stands before ``--``."""
    assert CommandLine(["kv", "put", "a", "-h"]).wants_help
    assert not CommandLine(["exec", "--", "ls", "-h"]).wants_help
    assert not CommandLine(["kv", "put", "-v"]).wants_version


def test_the_longest_name_is_the_command() -> None:
    """Words are taken for the command as long as they name one."""
    assert longest_command(["operator", "raft", "list-peers", "x"]) == "operator raft list-peers"
    assert longest_command(["operator", "bogus"]) == "operator"
    assert longest_command(["bogus"]) == ""
    assert "kv get" in children("kv")


def test_every_group_has_commands_and_every_parent_is_there() -> None:
    """The table is a tree: no group is empty, no command hangs in the air."""
    for name, row in COMMANDS.items():
        parent = name.rpartition(" ")[0]
        assert not parent or parent in COMMANDS, name
        assert row.module != GROUP or children(name), name


@given(st.lists(st.text(max_size=8) | st.sampled_from(["kv", "get", "-h", "--", "-v", "version"]), max_size=6))
def test_any_words_are_sorted_out(words: list[str]) -> None:
    """No command line is too odd to be taken apart."""
    line = CommandLine(words)
    assert line.rest == [] or line.rest == words[len(words) - len(line.rest) :]


def test_the_entry_point_imports_nothing_heavy() -> None:
    """Printing the version loads neither the SDK nor any encoder, HTTP or event loop."""
    program = (
        "import sys; sys.argv = ['py-consul', 'version']; import os; os._exit = lambda code: None\n"
        "from pyconsul.cli.main import entry; entry()\n"
        "heavy = {'asyncio', 'msgspec', 'ssl', 'http.client', 'aiohttp', 'dataclasses', 'json', 'pyconsul.sdk'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_output_that_nobody_reads_ends_the_program_like_any_other(
    start_process: Callable[..., subprocess.Popen[bytes]],
) -> None:
    """A closed pipe kills the program by SIGPIPE, without a traceback."""
    program = "from pyconsul.cli.main import entry; import sys; sys.argv = ['py-consul', '-h']; entry()"
    process = start_process([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), told) == (-13, b"")


def test_every_command_module_has_a_row() -> None:
    """No module below ``commands`` is forgotten in the table, and no row names a module that is not there."""
    folder = Path(commands.__file__).parent
    paths = (path.relative_to(folder) for path in folder.rglob("*.py") if path.stem != "__init__")
    modules = {".".join(path.with_suffix("").parts) for path in paths}
    assert modules == {row.module for row in COMMANDS.values()} - {GROUP, LATER}
