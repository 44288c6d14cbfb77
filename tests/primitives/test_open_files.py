"""A process takes as many open files as it may have, and its children get what it was given."""

import subprocess
import sys

PROGRAM = """
import resource, subprocess
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128))
from pyconsul.primitives import open_files
print(open_files.for_child())
open_files.raise_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE), flush=True)
subprocess.run(["sh", "-c", "ulimit -Sn"], preexec_fn=open_files.for_child())
"""


def test_the_limit_goes_up_here_and_stays_for_children() -> None:
    """Where it did not go up there is nothing to do for them."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["None", "(128, 128)", "64"]
