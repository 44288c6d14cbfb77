"""The ``py-consul-discover`` tool."""
