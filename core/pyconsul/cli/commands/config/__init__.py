"""The subcommands of ``config``, a module each."""
