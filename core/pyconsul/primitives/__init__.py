"""Small things every room leans on: durations, ids, back-off, plug-ins."""
