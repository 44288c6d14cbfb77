"""The ``py-consul-snapshot-agent`` tool."""
