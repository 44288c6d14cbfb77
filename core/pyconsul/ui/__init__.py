"""The web UI: static files, served by ``agent/http/ui``."""
