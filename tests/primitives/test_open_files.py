"""A process takes as many open files as it may have, and its children get what it was given."""

import subprocess
import sys

PROGRAM = """
import resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128))
from pyconsul.primitives import open_files
open_files.raise_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE))
with subprocess.Popen(["sh", "-c", "read line; ulimit -Sn"], stdin=subprocess.PIPE) as child:
    open_files.give_back(child.pid)
    sys.stdout.flush()
    child.communicate(b"go")
open_files.give_back(child.pid)
"""


def test_the_limit_goes_up_here_and_stays_for_children() -> None:
    """Children that are gone are none the worse for it."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["(128, 128)", "64"]
