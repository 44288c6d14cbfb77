"""The subcommands of ``intention``, a module each."""
