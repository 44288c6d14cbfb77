"""The blocking client, generated from the async one by ``scripts/blocking.py``."""
