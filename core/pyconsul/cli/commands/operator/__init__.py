"""The subcommands of ``operator``, a module each."""
