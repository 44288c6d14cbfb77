"""The subcommands of ``catalog``, a module each."""
