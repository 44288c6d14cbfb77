"""Log entries and snapshot records by family; ``registry`` holds the tables of both."""
