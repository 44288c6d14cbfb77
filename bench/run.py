"""Measure py-consul, and beside it the real binaries where they are given: ``python bench/run.py --peer PATH``.

``--help`` says the rest; ``docs/performance.md`` has the targets, the figures and what each measure does.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from bench.session import main

    sys.exit(main())
