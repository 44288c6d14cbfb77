"""A store with all tables, and builders of rows."""

import pytest

from pyconsul.memdb import Store
from pyconsul.server import families


@pytest.fixture
def db() -> Store:
    """An empty store with every table of the server."""
    return Store(families.TABLES)
