"""The subcommands of ``peering``, a module each."""
