"""The subcommands of ``acl``, a module each."""
