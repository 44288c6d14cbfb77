"""The ``py-consul`` command line: registry, argument parsing, commands, output layouts."""
