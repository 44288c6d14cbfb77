"""py-consul: a Consul agent, its command line, and an SDK, in Python."""

__version__ = "0.1.0"
CONSUL_VERSION = "1.21.4"  # the release whose behaviour, flags and wire formats this one has
