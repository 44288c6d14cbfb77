"""Small things every room leans on: durations, UUIDs, token buckets, files replaced as a whole, plug-ins."""
