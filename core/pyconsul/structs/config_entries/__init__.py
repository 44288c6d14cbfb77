"""Config entries, one module a kind: fields in JSON's order, normalizing, checks in Consul's words."""
