"""Chance that nobody else steers: pauses of agents and tools, the order of their answers.

A program around an agent may seed or watch Python's common dice. Tests do: hypothesis sets them for each example, which
would make all agents of a test pause alike, and complains when another thread throws them.
"""

from __future__ import annotations

import os
import random
from typing import Final

DICE: Final = random.Random()
os.register_at_fork(after_in_child=DICE.seed)  # else parent and child would throw the same
