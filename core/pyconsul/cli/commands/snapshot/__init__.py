"""The subcommands of ``snapshot``, a module each."""
