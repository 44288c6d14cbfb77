"""Template functions, one module a group; ``registry.py`` is the table."""
