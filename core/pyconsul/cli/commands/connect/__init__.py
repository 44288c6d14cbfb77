"""The subcommands of ``connect``, a module each."""
