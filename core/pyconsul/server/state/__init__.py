"""State by family: tables, readers (with watch sets) and writers. Synchronous, no clock of its own."""
