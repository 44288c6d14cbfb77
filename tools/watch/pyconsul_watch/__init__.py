"""The ``py-consul-watch`` tool."""
