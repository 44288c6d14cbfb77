"""The ``py-consul-template`` tool."""
