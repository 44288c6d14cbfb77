"""The log: durable, group commit, snapshots and their archives. One voter today, a cluster behind the same names."""
