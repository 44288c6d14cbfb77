"""Connections: sockets, TLS, HTTP/1 and HTTP/2, limits on clients, and the two fast lanes.

It hands requests to the door and writes its replies; routes know nothing of it.
"""
