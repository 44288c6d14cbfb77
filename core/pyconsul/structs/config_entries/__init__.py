"""Config entries, one module a kind: fields in the order of their JSON, normalizing, checks with Consul's texts."""
