"""The subcommands of ``tls``, a module each."""
