"""The subcommands of ``troubleshoot``, a module each."""
