"""What whoever starts a tool does with signals is neither the tool's nor its children's trouble."""

import signal
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


def test_signals_that_were_held_back_arrive() -> None:
    """Else only SIGKILL would end the tool and its child."""
    held_back = """
import signal, subprocess
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
from pyconsul.toolkit import program
program.run(lambda: 255 + subprocess.run(["sh", "-c", "kill -USR1 $$; exit 7"]).returncode)
"""
    done = subprocess.run([sys.executable, "-c", held_back], timeout=60, check=False)
    assert done.returncode == 255 - signal.SIGUSR1
