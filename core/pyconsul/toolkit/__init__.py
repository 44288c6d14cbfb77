"""What the daemons share, on the SDK: configuration stanzas and flags, retry pauses, quiescence timers,
supervised children, logs in the tools' manner, a Vault client. Knows nothing of any one tool.
"""
