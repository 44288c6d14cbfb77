"""Consul's DNS interface: a pure core that turns a question into records, and thin UDP and TCP doors around it."""
