"""Cloud auto-join: one module a cloud in ``providers``, and ``py-consul-discover`` to ask them by hand.

The agent reaches the providers only through the entry points ``pyconsul.autojoin``; the string and the Protocol are in
``pyconsul.toolkit.discovery``.
"""
