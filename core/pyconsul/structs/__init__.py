"""The data model: one typed struct a wire type, serving JSON, msgpack, the log and snapshots."""
