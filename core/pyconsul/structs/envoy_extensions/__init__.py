"""The extensions of Envoy that Consul brings along: what each takes as ``Arguments``, and what it refuses of them."""
