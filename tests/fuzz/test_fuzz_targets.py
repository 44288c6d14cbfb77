"""Every fuzz target stands a few hundred inputs; ``fuzz/run.py`` gives them more."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).resolve().parents[2] / "fuzz" / "run.py"


def _driver() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pyconsul_fuzz_driver", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


DRIVER = _driver()


@pytest.mark.parametrize("name", DRIVER.names())
def test_a_fuzz_target_survives_its_first_inputs(name: str) -> None:
    """The same few hundred inputs each time; a finding names its seed."""
    assert DRIVER.attack(name, seed=1, rounds=300) == 300
