"""What only a leader does: session TTLs, lock delays, tombstone reaping, reconciling itself into the catalog."""
