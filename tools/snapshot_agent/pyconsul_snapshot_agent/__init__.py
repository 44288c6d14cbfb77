"""The ``py-consul-snapshot-agent`` tool: one elected instance saves Consul's state on a schedule to one or more
destinations, proves that what it stored can be read back, and keeps a number of archives.

Stands on the SDK and the toolkit alone, so that it works beside a real Consul as well.
"""
