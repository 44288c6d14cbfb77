"""Tools that are started with SIGCHLD ignored know all the same how their children end."""

import subprocess
import sys

PROGRAM = """
import signal, subprocess
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
from pyconsul.toolkit import program
program.run(lambda: subprocess.run(["sh", "-c", "exit 7"]).returncode)
"""


def test_the_status_of_a_child_is_not_thrown_away() -> None:
    """Python would take a status that is gone for 0."""
    assert subprocess.run([sys.executable, "-c", PROGRAM], timeout=60, check=False).returncode == 7
