"""The proof that an archive is whole."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.testing import InProcessAgent
from pyconsul_snapshot_agent.archive import ArchiveError, Pieces, Summary, verify

from .conftest import archive_of  # noqa: TID252
