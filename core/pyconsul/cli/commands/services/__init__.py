"""The subcommands of ``services``, a module each."""
