"""A process takes as many open files as it may have, and its children get what it was given."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128))
from pyconsul.primitives import open_files
limit = lambda: resource.getrlimit(resource.RLIMIT_NOFILE)
with open_files.as_given() as begin:
    print(begin)
open_files.raise_limit()
print(limit(), flush=True)
kept = [os.open(os.devnull, os.O_RDONLY) for _ in range(int(sys.argv[1]))]
with open_files.as_given() as begin:
    print(begin is None, limit()[0], flush=True)
    subprocess.run(["sh", "-c", "ulimit -Sn"], preexec_fn=begin)
print(limit())
"""


@pytest.mark.parametrize(("open_already", "meanwhile"), [(0, "True 64"), (60, "False 128")], ids=["few", "many"])
def test_the_limit_goes_up_here_and_stays_for_children(open_already: int, meanwhile: str) -> None:
    """Where it did not go up there is nothing to do for them; with many files open it does not go down here."""
    command = [sys.executable, "-c", PROGRAM, str(open_already)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["None", "(128, 128)", meanwhile, "64", "(128, 128)"]
