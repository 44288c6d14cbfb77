"""The HTTP door: a small front on httptools, the route table, and one module a family of routes."""
