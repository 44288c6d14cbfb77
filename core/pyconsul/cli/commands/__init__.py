"""One module a command; ``cli/registry.py`` names them, and only the one that runs is imported."""
