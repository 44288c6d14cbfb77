"""The subcommands of ``kv``, a module each."""
