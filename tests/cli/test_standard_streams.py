"""Commands whose standard streams are closed, full, or read by nobody."""

import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

PYTHON = shlex.quote(sys.executable)
RUN = f"{PYTHON} -c 'from pyconsul.cli.main import entry; entry()'"
FULL = "write /dev/stdout: no space left on device\n"
TOOLS = ("pyconsul_template", "pyconsul_envconsul", "pyconsul_watch", "pyconsul_snapshot_agent", "pyconsul_autojoin")


def in_shell(line: str) -> subprocess.CompletedProcess[str]:
    """A line of the shell, carried out."""
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_a_closed_stream_that_is_not_needed_harms_nothing(closed: str) -> None:
    """The answer comes all the same."""
    done = in_shell(f"{RUN} version {closed}")
    assert (done.returncode, done.stdout[:8], done.stderr) == (0, "Consul v", "")


@pytest.mark.parametrize("words", ["version", "kv -help"])
def test_what_goes_to_a_closed_output_is_thrown_away(words: str) -> None:
    """As Go's runtime has it."""
    done = in_shell(f"{RUN} {words} >&-")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", ["version", "kv -help", "-help", "keygen"])
def test_output_that_finds_no_room_is_a_failure(words: str) -> None:
    """Whoever redirects an export to a full disk must hear of it."""
    done = in_shell(f"{RUN} {words} >/dev/full")
    assert (done.returncode, done.stderr) == (1, FULL)


@pytest.mark.parametrize("program", [RUN, *(f"{PYTHON} -c 'from {tool}.main import entry; entry()'" for tool in TOOLS)])
def test_output_that_finds_room_for_a_part_is_a_failure(program: str, tmp_path: Path) -> None:
    """Also where the surroundings forbid buffers, as images of containers often do."""
    done = in_shell(f"ulimit -f 1; PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 {program} -h >{tmp_path}/help")
    assert (done.returncode, done.stderr) == (1, "write /dev/stdout: file too large\n")


def test_complaints_that_find_no_room_keep_the_exit_code() -> None:
    """There is nowhere else to complain."""
    assert in_shell(f"{RUN} nonsense 2>/dev/full").returncode == 127


def test_a_command_whose_reader_is_gone_ends_by_the_signal() -> None:
    """In silence, as every program in a pipe does."""
    done = in_shell(f"{RUN} kv -help | true; echo ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == (f"{128 + signal.SIGPIPE}\n", "")


@pytest.mark.parametrize("tool", TOOLS)
def test_tools_tell_that_their_output_finds_no_room(tool: str) -> None:
    """In one line."""
    done = in_shell(f"{PYTHON} -c 'from {tool}.main import entry; entry()' -h >/dev/full")
    assert (done.returncode, done.stderr) == (1, FULL)


@pytest.mark.parametrize("tool", TOOLS)
def test_tools_run_with_closed_streams(tool: str) -> None:
    """What is printed is thrown away."""
    done = in_shell(f"{PYTHON} -c 'from {tool}.main import entry; entry()' -h <&- >&- 2>&-")
    assert done.returncode == 0


def started(redirected: str, flags: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """An agent that ends after its banner, because its data directory is taken from it."""
    return in_shell(f"{RUN} agent -server -bootstrap -bind=127.0.0.1 {' '.join(flags)} {redirected}")


@pytest.mark.parametrize("redirected", [">/dev/full", ">&-", "<&- >&-"])
def test_an_agent_starts_without_a_place_for_its_lines(redirected: str, tmp_path: Path) -> None:
    """It gets as far as its log, which is damaged, and whose complaint goes nowhere."""
    (tmp_path / "raft").mkdir()
    (tmp_path / "raft/term").write_text("junk")
    done = started(redirected, [f"-data-dir={tmp_path}", "-http-port=-1", "-dns-port=-1", "-server-port=1"])
    assert (done.returncode, done.stderr) == (1, "")
