"""The HTTP door: a small front with a request reader of its own, the route table, and one module a family of routes."""
