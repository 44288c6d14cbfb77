"""A running agent: its doors (HTTP, DNS), checks, local state and lifecycle."""
