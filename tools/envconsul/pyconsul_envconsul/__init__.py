"""The ``py-envconsul`` tool."""
